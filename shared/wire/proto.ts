import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync, type PackageDefinition } from "@grpc/proto-loader";
import type { ProtoGrpcType as AccessProto } from "./generated/access.ts";
import type { ProtoGrpcType as AlertsProto } from "./generated/alerts.ts";
import type { ProtoGrpcType as IngestProto } from "./generated/ingest.ts";
import type { ProtoGrpcType as LogsProto } from "./generated/logs.ts";
import type { ProtoGrpcType as QueryProto } from "./generated/query.ts";
import type { ProtoGrpcType as ServicesProto } from "./generated/services.ts";
import type { ProtoGrpcType as TargetsProto } from "./generated/targets.ts";

/** Version of the ingest protocol and of its frame format; a hello names it. */
export const PROTOCOL_VERSION = 2;

/** Bytes of one gRPC message in either direction, at most. */
export const MESSAGE_BYTES_MAX = 4 * 1024 * 1024;

type Packages = AccessProto &
  AlertsProto &
  IngestProto &
  LogsProto &
  QueryProto &
  ServicesProto &
  TargetsProto;

export type TelltaleProto = {
  readonly definition: PackageDefinition;
  readonly v1: Packages["telltale"]["v1"];
};

let loaded: TelltaleProto | null = null;

/** The services and messages of proto/telltale/v1; read from the files once. */
export function loadTelltale(): TelltaleProto {
  if (loaded !== null) return loaded;
  const root = protoRoot();
  const definition = loadSync(
    ["access", "alerts", "ingest", "logs", "query", "services", "targets"].map((name) =>
      join(root, `telltale/v1/${name}.proto`),
    ),
    { includeDirs: [root], longs: Number, enums: String, defaults: true, oneofs: true },
  );
  const packages = loadPackageDefinition(definition) as unknown as Packages;
  loaded = { definition, v1: packages.telltale.v1 };
  return loaded;
}

/** The proto folder beside the sources, or beside the built programs. */
function protoRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "proto/telltale/v1/ingest.proto"))) folder = dirname(folder);
  return join(folder, "proto");
}
