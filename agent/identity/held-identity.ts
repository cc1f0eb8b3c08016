import { createSecureContext } from "node:tls";
import { type ChannelCredentials, credentials } from "@grpc/grpc-js";
import { errorMessage } from "../../shared/errors.ts";
import type { Clock, Logger } from "../../shared/platform/ports.ts";
import { TLS_CHANNEL_OPTIONS, TLS_VERSION } from "../../shared/wire/tls.ts";
import {
  changeMemberships,
  type Membership,
  membershipFor,
  readMemberships,
} from "./identity-file.ts";

export type ChannelSecurity = {
  readonly credentials: ChannelCredentials;
  readonly options: Readonly<Record<string, string>>;
};

/** How to speak to an aggregator: as a node that has joined, always encrypted and verified. */
export function channelSecurity(membership: Membership): ChannelSecurity {
  const context = createSecureContext({
    key: membership.privateKeyPem,
    cert: membership.certificatePem,
    ca: membership.authoritiesPem,
    minVersion: TLS_VERSION,
  });
  return {
    credentials: credentials.createFromSecureContext(context),
    options: TLS_CHANNEL_OPTIONS,
  };
}

/**
 * The identity of a running agent. It is looked for in the file at each connection, so that a join
 * or a renewal is in force from the next one on.
 */
export class HeldIdentity {
  readonly #dataDirectory: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #memberships: readonly Membership[];

  /** @throws OperationalError CONFIG, STORAGE */
  constructor(dataDirectory: string, clock: Clock, logger: Logger) {
    this.#dataDirectory = dataDirectory;
    this.#clock = clock;
    this.#logger = logger;
    this.#memberships = readMemberships(dataDirectory);
  }

  memberships(): readonly Membership[] {
    try {
      const read = readMemberships(this.#dataDirectory);
      // A damaged buffer is set aside with the whole directory: who we are is not lost with it.
      if (read.length === 0 && this.#memberships.length > 0) this.#restore(this.#memberships);
      else this.#memberships = read;
    } catch (error) {
      this.#logger.error(
        { error: errorMessage(error) },
        "cannot read the identity: the last stays",
      );
    }
    return this.#memberships;
  }

  /** Without a membership nothing is encrypted: what that is allowed for, the configuration said. */
  securityFor(aggregator: string): ChannelSecurity {
    const membership = membershipFor(this.memberships(), aggregator);
    if (membership !== null) return channelSecurity(membership);
    return { credentials: credentials.createInsecure(), options: {} };
  }

  #restore(memberships: readonly Membership[]): void {
    const nowMs = this.#clock.nowMs();
    changeMemberships(this.#dataDirectory, nowMs, async () => memberships).catch((error) => {
      this.#logger.error({ error: errorMessage(error) }, "cannot write the identity again");
    });
  }
}
