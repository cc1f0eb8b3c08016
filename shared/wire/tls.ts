import { createSecureContext, type SecureContextOptions } from "node:tls";
import { type ChannelCredentials, credentials } from "@grpc/grpc-js";

/**
 * A name that every aggregator's certificate has, beside its real ones. An agent, and the client
 * with `--ca`, ask for this one: the CA is the aggregator's own and gives it to nobody else, so that
 * it holds whatever name or address the aggregator is reached by.
 */
export const AGGREGATOR_NAME = "aggregator.telltale.internal";

/** No older one is spoken. */
export const TLS_VERSION = "TLSv1.3";

/** What a client's channel says to expect of the aggregator's certificate. */
export const TLS_CHANNEL_OPTIONS = { "grpc.ssl_target_name_override": AGGREGATOR_NAME };

/** How a client speaks to an aggregator. */
export type ChannelSecurity = {
  readonly credentials: ChannelCredentials;
  readonly options: Readonly<Record<string, string>>;
};

/** Encrypted, and the aggregator has to prove itself by a CA of `tls.ca`. */
export function secureChannel(tls: SecureContextOptions): ChannelSecurity {
  const context = createSecureContext({ ...tls, minVersion: TLS_VERSION });
  return {
    credentials: credentials.createFromSecureContext(context),
    options: TLS_CHANNEL_OPTIONS,
  };
}
