/**
 * OTLP over gRPC. The messages stay bytes here: protobuf-metrics.ts and protobuf-logs.ts read them.
 * Source: opentelemetry.io/docs/specs/otlp, "OTLP/gRPC".
 */
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { OperationalError } from "../../../shared/errors.ts";
import { type Address, formatAddress } from "../../../shared/model/address.ts";
import { bindError } from "../../../shared/platform/listen-error.ts";
import {
  type Export,
  NO_TRACES,
  protobufAnswer,
  protobufStatus,
  RETRY_SECONDS,
  refusalOf,
} from "./exports.ts";
import type { Doors } from "./http-door.ts";

const PACKAGE = "/opentelemetry.proto.collector";
const CALLS_MAX = 100;

type Call = ServerUnaryCall<Buffer, Buffer>;
type Answer = sendUnaryData<Buffer>;

/** @throws OperationalError IN_USE, CONFIG when the address cannot be listened on */
export async function openGrpcDoor(address: Address, doors: Doors): Promise<AsyncDisposable> {
  const stop = new AbortController();
  const server = new Server({
    "grpc.max_receive_message_length": doors.bytesMax,
    "grpc.max_concurrent_streams": CALLS_MAX,
  });
  for (const [service, take] of [
    ["metrics.v1.MetricsService", doors.metrics],
    ["logs.v1.LogsService", doors.logs],
  ] as const) {
    server.addService(definitionOf(service), {
      Export: (call: Call, answer: Answer) => {
        void exported(call.request, answer, take, doors, stop.signal);
      },
    });
  }
  server.addService(definitionOf("trace.v1.TraceService"), {
    Export: (_: Call, answer: Answer) => answer({ code: status.UNIMPLEMENTED, details: NO_TRACES }),
  });
  await listening(server, address);
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort(new OperationalError("UNAVAILABLE", "The agent stops"));
      server.forceShutdown();
    },
  };
}

function definitionOf(service: string): ServiceDefinition {
  const asIs = (bytes: Buffer) => bytes;
  return {
    Export: {
      path: `${PACKAGE}.${service}/Export`,
      requestStream: false,
      responseStream: false,
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    },
  };
}

async function listening(server: Server, address: Address): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(formatAddress(address), ServerCredentials.createInsecure(), (error) => {
      if (error === null) resolve();
      else reject(bindError(address, error));
    });
  });
}

async function exported(
  bytes: Buffer,
  answer: Answer,
  take: Export,
  { admission }: Doors,
  signal: AbortSignal,
): Promise<void> {
  const lease = admission.enter(bytes.length);
  if (lease === null) {
    refuse(answer, status.RESOURCE_EXHAUSTED, "Too many requests at once");
    return;
  }
  try {
    const rejected = await take(bytes, "protobuf", signal);
    answer(null, Buffer.from(protobufAnswer(rejected)));
  } catch (error) {
    const { kind, message } = refusalOf(error);
    const codes = {
      malformed: status.INVALID_ARGUMENT,
      too_much: status.RESOURCE_EXHAUSTED,
      unavailable: status.UNAVAILABLE,
    };
    refuse(answer, codes[kind], message);
  } finally {
    lease.end();
  }
}

/** Only with a RetryInfo a sender repeats what was too much. */
function refuse(answer: Answer, code: number, details: string): void {
  const metadata = new Metadata();
  if (code !== status.INVALID_ARGUMENT) {
    const bytes = Buffer.from(protobufStatus(code, details, RETRY_SECONDS));
    metadata.set("grpc-status-details-bin", bytes);
  }
  answer({ code, details, metadata });
}
