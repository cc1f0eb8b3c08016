import { OperationalError } from "../../shared/errors.ts";
import { type Address, formatAddress, isLoopback } from "../../shared/model/address.ts";
import { type Membership, membershipFor } from "./identity-file.ts";

/** The part of the configuration that a membership has a say in. */
type Sending = {
  readonly node: string;
  readonly aggregator: { readonly addresses: readonly Address[] };
  readonly insecure: boolean;
};

/**
 * That nothing goes to another machine unencrypted, or under a name that is not the joined one.
 * @throws OperationalError CONFIG
 */
export function requireMemberships(
  { node, aggregator, insecure }: Sending,
  memberships: readonly Membership[],
): void {
  for (const one of aggregator.addresses) {
    const address = formatAddress(one);
    const membership = membershipFor(memberships, address);
    if (membership === null && !insecure && !isLoopback(one)) {
      throw new OperationalError(
        "CONFIG",
        `aggregator: ${address} is not this machine, and this agent has not joined it: have a token made there ("telltale-aggregator token create") and run "telltale-agent join ${address} TOKEN"; or, in a network you trust, say "insecure: true"`,
      );
    }
    if (membership !== null && membership.node !== node) {
      throw new OperationalError(
        "CONFIG",
        `node: this agent has joined ${address} as ${membership.node}, and is called ${node === "" ? "nothing" : node} here: join again under that name, or take "node" out of the configuration`,
      );
    }
  }
}
