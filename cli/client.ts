import {
  type Client,
  credentials,
  logVerbosity,
  Metadata,
  type ServiceError,
  setLogVerbosity,
  status,
} from "@grpc/grpc-js";
import { type ErrorCode, errorMessage, OperationalError } from "../shared/errors.ts";
import { isLoopback, parseAddress } from "../shared/model/address.ts";
import type { Secret } from "../shared/secret.ts";
import type { AccessClient } from "../shared/wire/generated/telltale/v1/Access.ts";
import type { AlertsClient } from "../shared/wire/generated/telltale/v1/Alerts.ts";
import type { LinesRequest } from "../shared/wire/generated/telltale/v1/LinesRequest.ts";
import type { LinesResponse__Output } from "../shared/wire/generated/telltale/v1/LinesResponse.ts";
import type { LogsClient } from "../shared/wire/generated/telltale/v1/Logs.ts";
import type { QueryClient } from "../shared/wire/generated/telltale/v1/Query.ts";
import type { ServicesClient } from "../shared/wire/generated/telltale/v1/Services.ts";
import type { TargetsClient } from "../shared/wire/generated/telltale/v1/Targets.ts";
import { askOnce, type Method } from "../shared/wire/grpc-ask.ts";
import { fromGrpcError } from "../shared/wire/grpc-status.ts";
import { loadTelltale } from "../shared/wire/proto.ts";
import { type ChannelSecurity, secureChannel } from "../shared/wire/tls.ts";

/** A query may take the aggregator's own limit, two minutes as it comes. */
const DEADLINE_MS = 130_000;
/** Results are bounded by the aggregator; this bounds what one of its answers may take here. */
const ANSWER_BYTES_MAX = 256 * 1024 * 1024;
const AWAY_HINT =
  "is the aggregator running? Its gRPC port is 7070 unless configured otherwise; name another with --server HOST:PORT or TELLTALE_SERVER; where TLS is on, --ca and --token-file are needed";
const LATE_HINT = "ask for less: fewer series, a shorter range or a longer step";

/** How to reach the aggregator, and as whom. */
export type ServerOptions = {
  readonly server: string;
  /** CA certificates, PEM: the connection is encrypted and the aggregator verified. */
  readonly authorities: string | null;
  readonly token: Secret | null;
};

/** The aggregator at `server`, asked over gRPC. */
export class Aggregator implements Disposable {
  readonly server: string;
  readonly #client: QueryClient;
  readonly #accessClient: AccessClient;
  readonly #logsClient: LogsClient;
  readonly #alertsClient: AlertsClient;
  readonly #servicesClient: ServicesClient;
  readonly #targetsClient: TargetsClient;
  readonly #metadata = new Metadata();

  /** @throws OperationalError USAGE when a token would be sent unencrypted, or a file is no PEM */
  constructor({ server, authorities, token }: ServerOptions) {
    setLogVerbosity(logVerbosity.NONE); // what goes wrong comes back as an error
    this.server = server;
    if (token !== null) {
      requirePrivate(server, authorities);
      this.#metadata.set("authorization", `Bearer ${token.reveal()}`);
    }
    const channel = channelFor(authorities);
    const options = { ...channel.options, "grpc.max_receive_message_length": ANSWER_BYTES_MAX };
    const { Query, Access, Logs, Alerts, Services, Targets } = loadTelltale().v1;
    this.#client = new Query(server, channel.credentials, options);
    this.#accessClient = new Access(server, channel.credentials, options);
    this.#logsClient = new Logs(server, channel.credentials, options);
    this.#alertsClient = new Alerts(server, channel.credentials, options);
    this.#servicesClient = new Services(server, channel.credentials, options);
    this.#targetsClient = new Targets(server, channel.credentials, options);
  }

  /** Asks, as in `ask((client) => client.nodes, {})`. @throws OperationalError saying what to do */
  ask<In, Out>(methodOf: (client: QueryClient) => Method<In, Out>, request: In): Promise<Out> {
    return this.#ask(this.#client, methodOf(this.#client), request);
  }

  /** As `ask`, of the service that gives and takes rights. */
  askAccess<In, Out>(
    methodOf: (client: AccessClient) => Method<In, Out>,
    request: In,
  ): Promise<Out> {
    return this.#ask(this.#accessClient, methodOf(this.#accessClient), request);
  }

  /** As `ask`, of the service that knows silences and notifications. */
  askAlerts<In, Out>(
    methodOf: (client: AlertsClient) => Method<In, Out>,
    request: In,
  ): Promise<Out> {
    return this.#ask(this.#alertsClient, methodOf(this.#alertsClient), request);
  }

  /** As `ask`, of the service that knows what runs. */
  askServices<In, Out>(
    methodOf: (client: ServicesClient) => Method<In, Out>,
    request: In,
  ): Promise<Out> {
    return this.#ask(this.#servicesClient, methodOf(this.#servicesClient), request);
  }

  /** As `ask`, of the service that knows what is scraped. */
  askTargets<In, Out>(
    methodOf: (client: TargetsClient) => Method<In, Out>,
    request: In,
  ): Promise<Out> {
    return this.#ask(this.#targetsClient, methodOf(this.#targetsClient), request);
  }

  /** As `ask`, of the service that knows the log lines. */
  askLogs<In, Out>(methodOf: (client: LogsClient) => Method<In, Out>, request: In): Promise<Out> {
    return this.#ask(this.#logsClient, methodOf(this.#logsClient), request);
  }

  /** @throws OperationalError saying what to do */
  async *logLines(request: LinesRequest): AsyncGenerator<LinesResponse__Output> {
    const options = request.follow === true ? {} : { deadline: Date.now() + DEADLINE_MS };
    const call = this.#logsClient.lines(request, this.#metadata, options);
    try {
      yield* call;
    } catch (error) {
      throw explained(error as ServiceError, this.server);
    } finally {
      call.cancel();
    }
  }

  #ask<In, Out>(client: Client, method: Method<In, Out>, request: In): Promise<Out> {
    const options = { deadline: Date.now() + DEADLINE_MS, metadata: this.#metadata };
    return askOnce(client, method, request, options).catch((error) => {
      throw explained(error, this.server);
    });
  }

  [Symbol.dispose](): void {
    this.#client.close();
    this.#accessClient.close();
    this.#logsClient.close();
    this.#alertsClient.close();
    this.#servicesClient.close();
    this.#targetsClient.close();
  }
}

/** @throws OperationalError USAGE */
function requirePrivate(server: string, authorities: string | null): void {
  const address = parseAddress(server);
  const isPrivate = server.startsWith("unix:") || (address !== null && isLoopback(address));
  if (authorities !== null || isPrivate) return;
  throw new OperationalError(
    "USAGE",
    `The token would be sent to ${server} unencrypted: give the aggregator's CA with --ca ("telltale-aggregator ca show" prints it)`,
  );
}

/** @throws OperationalError USAGE */
function channelFor(authorities: string | null): ChannelSecurity {
  if (authorities === null) return { credentials: credentials.createInsecure(), options: {} };
  try {
    return secureChannel({ ca: authorities });
  } catch (error) {
    const why = `--ca: not certificates in PEM form: ${errorMessage(error)}`;
    throw new OperationalError("USAGE", why, { cause: error });
  }
}

function explained(error: ServiceError, server: string): OperationalError {
  const { details } = error;
  const fault = (code: ErrorCode, message: string) =>
    new OperationalError(code, message, { cause: error });
  switch (error.code) {
    case status.UNAVAILABLE:
      return fault("UNAVAILABLE", `Nothing answers at ${server}: ${AWAY_HINT} (${details})`);
    case status.UNIMPLEMENTED:
      return fault("PROTOCOL", `${server} is no Telltale aggregator, or an older one: ${details}`);
    case status.UNAUTHENTICATED:
      return fault("UNAUTHENTICATED", `${server}: ${details}`);
    case status.DEADLINE_EXCEEDED:
      return fault("LIMIT", `${details}: ${LATE_HINT}`);
    default:
      return fault(fromGrpcError(error, server).code, details);
  }
}
