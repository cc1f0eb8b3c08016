import { credentials } from "@grpc/grpc-js";
import { errorMessage } from "../../shared/errors.ts";
import type { Logger } from "../../shared/platform/ports.ts";
import { type ChannelSecurity, secureChannel } from "../../shared/wire/tls.ts";
import { type Membership, membershipFor, readMemberships } from "./identity-file.ts";

/** How to speak to an aggregator: as a node that has joined, always encrypted and verified. */
export function channelSecurity(membership: Membership): ChannelSecurity {
  return secureChannel(tlsOf(membership));
}

export function tlsOf({ privateKeyPem, certificatePem, authoritiesPem }: Membership) {
  return { key: privateKeyPem, cert: certificatePem, ca: authoritiesPem };
}

/**
 * The identity of a running agent. It is looked for in the file at each connection, so that a join
 * or a renewal is in force from the next one on.
 */
export class HeldIdentity {
  readonly #dataDirectory: string;
  readonly #logger: Logger;
  #memberships: readonly Membership[];

  /** @throws OperationalError CONFIG, STORAGE */
  constructor(dataDirectory: string, logger: Logger) {
    this.#dataDirectory = dataDirectory;
    this.#logger = logger;
    this.#memberships = readMemberships(dataDirectory);
  }

  memberships(): readonly Membership[] {
    try {
      const read = readMemberships(this.#dataDirectory);
      // Without any it would go on unencrypted: who has joined stays so until it is started anew.
      if (read.length > 0) this.#memberships = read;
    } catch (error) {
      const fields = { error: errorMessage(error) };
      this.#logger.error(fields, "cannot read the identity: the last stays");
    }
    return this.#memberships;
  }

  /** Without a membership nothing is encrypted: what that is allowed for, the configuration said. */
  securityFor(aggregator: string): ChannelSecurity {
    const membership = membershipFor(this.memberships(), aggregator);
    if (membership !== null) return channelSecurity(membership);
    return { credentials: credentials.createInsecure(), options: {} };
  }
}
