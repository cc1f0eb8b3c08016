import type { Address } from "../shared/model/address.ts";
import type { Clock, Logger } from "../shared/platform/ports.ts";
import { VERSION } from "../shared/version.ts";
import { startGrpcServer } from "./api/grpc-server.ts";
import { startHttpServer } from "./api/http-server.ts";
import { createQueryService } from "./api/query-service.ts";
import type { Services } from "./app.ts";
import { ingestHandlers } from "./ingest/grpc-handler.ts";

/** Serves gRPC and HTTP on real sockets. @throws OperationalError IN_USE when a port is taken */
export async function listen(
  { ingest, api, metrics, readiness }: Services,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  addresses: { readonly grpc: Address; readonly http: Address },
): Promise<AsyncDisposable> {
  const http = await startHttpServer(
    { api, metrics, readiness, clock, logger },
    { listen: addresses.http, version: VERSION },
  );
  const grpc = await startGrpcServer(
    { ingest: ingestHandlers(ingest), query: createQueryService(api, logger), clock },
    { listen: addresses.grpc },
  ).catch(async (error) => {
    await http[Symbol.asyncDispose]();
    throw error;
  });
  grpc.setServing(true);
  return {
    [Symbol.asyncDispose]: async () => {
      await grpc[Symbol.asyncDispose]();
      await http[Symbol.asyncDispose]();
    },
  };
}
