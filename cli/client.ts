import {
  type CallOptions,
  type ClientUnaryCall,
  credentials,
  logVerbosity,
  type requestCallback,
  type ServiceError,
  setLogVerbosity,
  status,
} from "@grpc/grpc-js";
import { OperationalError } from "../shared/errors.ts";
import type { QueryClient } from "../shared/wire/generated/telltale/v1/Query.ts";
import { fromGrpcError } from "../shared/wire/grpc-status.ts";
import { loadTelltale } from "../shared/wire/proto.ts";

/** A query may take the aggregator's own limit, two minutes as it comes. */
const DEADLINE_MS = 130_000;
/** Results are bounded by the aggregator; this bounds what one of its answers may take here. */
const ANSWER_BYTES_MAX = 256 * 1024 * 1024;

/** The shortest form of a generated method, from which its types are inferred. */
type Method<In, Out> = (request: In, callback: requestCallback<Out>) => ClientUnaryCall;
type MethodWithOptions<In, Out> = (
  request: In,
  options: CallOptions,
  callback: requestCallback<Out>,
) => ClientUnaryCall;

/** The aggregator at `server`, asked over gRPC. */
export class Aggregator implements Disposable {
  readonly server: string;
  readonly #client: QueryClient;

  constructor(server: string) {
    setLogVerbosity(logVerbosity.NONE); // what goes wrong comes back as an error
    this.server = server;
    this.#client = new (loadTelltale().v1.Query)(server, credentials.createInsecure(), {
      "grpc.max_receive_message_length": ANSWER_BYTES_MAX,
    });
  }

  /** Asks, as in `ask((client) => client.nodes, {})`. @throws OperationalError saying what to do */
  ask<In, Out>(methodOf: (client: QueryClient) => Method<In, Out>, request: In): Promise<Out> {
    const method = methodOf(this.#client) as unknown as MethodWithOptions<In, Out>;
    const options = { deadline: Date.now() + DEADLINE_MS };
    return new Promise((resolve, reject) => {
      method.call(this.#client, request, options, (error, response) => {
        if (error !== null) reject(toldError(error, this.server));
        else if (response !== undefined) resolve(response);
      });
    });
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

function toldError(error: ServiceError, server: string): OperationalError {
  const options = { cause: error };
  switch (error.code) {
    case status.UNAVAILABLE: {
      const hint =
        "is the aggregator running? Its gRPC port is 7070 unless configured otherwise; name another with --server HOST:PORT or TELLTALE_SERVER";
      const message = `Nothing answers at ${server}: ${hint} (${error.details})`;
      return new OperationalError("UNAVAILABLE", message, options);
    }
    case status.UNIMPLEMENTED: {
      const message = `${server} is no Telltale aggregator, or an older one: ${error.details}`;
      return new OperationalError("PROTOCOL", message, options);
    }
    case status.DEADLINE_EXCEEDED: {
      const hint = "ask for less: fewer series, a shorter range or a longer step";
      return new OperationalError("LIMIT", `${error.details}: ${hint}`, options);
    }
    default: {
      const { code } = fromGrpcError(error, server);
      return new OperationalError(code, error.details, options);
    }
  }
}
