import { readFileSync } from "node:fs";
import { OperationalError } from "../../shared/errors.ts";
import { reportFailure } from "../../shared/platform/command.ts";
import { join, renewDue } from "../identity/enrolment.ts";
import type { IdentityRequest } from "../identity-process.ts";

/**
 * Joins an aggregator or renews certificates, and ends: the agent starts this as a process of its
 * own (identity-process.ts), because what makes certificate requests is large and seldom needed.
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
    const until = new Date(joined.notAfterMs).toISOString();
    process.stdout.write(
      `Node ${node} has joined ${joined.aggregator}; its certificate is good until ${until} and renews itself\n`,
    );
  }
} catch (error) {
  reportFailure("telltale-agent", error);
  if (error instanceof OperationalError && error.code !== "USAGE") process.exitCode = 1;
}
