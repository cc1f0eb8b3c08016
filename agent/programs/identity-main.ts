import { readFileSync } from "node:fs";
import { OperationalError } from "../../shared/errors.ts";
import type { Address } from "../../shared/model/address.ts";
import { formatRfc3339 } from "../../shared/model/rfc3339.ts";
import { reportFailure } from "../../shared/platform/command.ts";
import { join, renewDue } from "../identity/enrolment.ts";

export type IdentityRequest =
  | { readonly command: "renew"; readonly dataDirectory: string }
  | {
      readonly command: "join";
      readonly dataDirectory: string;
      readonly aggregator: Address;
      /** "-": it is read from standard input. */
      readonly token: string;
      readonly node: string;
    };

/**
 * Joins an aggregator or renews certificates, and ends: the agent starts this as a process of its
 * own, because what makes certificate requests is large and seldom needed.
 */
try {
  const request: IdentityRequest = JSON.parse(process.argv[2] ?? "");
  const { dataDirectory } = request;
  const nowMs = Date.now();
  if (request.command === "renew") {
    await renewDue(dataDirectory, nowMs);
  } else {
    const { aggregator, node } = request;
    const token = request.token === "-" ? readFileSync(0, "utf8").trim() : request.token;
    const joined = await join(aggregator, token, node, { dataDirectory, nowMs });
    const until = formatRfc3339(joined.notAfterMs);
    process.stdout.write(
      `Node ${node} has joined ${joined.aggregator}; its certificate is good until ${until} and renews itself\n`,
    );
  }
} catch (error) {
  reportFailure("telltale-agent", error);
  if (error instanceof OperationalError && error.code !== "USAGE") process.exitCode = 1;
}
