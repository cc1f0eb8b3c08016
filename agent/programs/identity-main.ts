import { readFileSync } from "node:fs";
import { OperationalError } from "../../shared/errors.ts";
import { formatRfc3339 } from "../../shared/model/rfc3339.ts";
import { reportFailure } from "../../shared/platform/command.ts";
import { join, renewDue } from "../identity/enrolment.ts";

export type IdentityRequest = {
  readonly dataDirectory: string;
  /** Null: to renew what is due. A token "-" is read from standard input. */
  readonly join: {
    readonly name: { readonly aggregator: string; readonly node: string };
    readonly token: string;
  } | null;
};

/**
 * Joins an aggregator or renews certificates, and ends: the agent starts this as a process of its
 * own, because what makes certificate requests is large and seldom needed.
 */
try {
  const request: IdentityRequest = JSON.parse(process.argv[2] ?? "");
  const place = { dataDirectory: request.dataDirectory, nowMs: Date.now() };
  if (request.join === null) {
    await renewDue(place);
  } else {
    const { name, token } = request.join;
    const given = token === "-" ? readFileSync(0, "utf8").trim() : token;
    const { node, aggregator, notAfterMs } = await join(name, given, place);
    const until = formatRfc3339(notAfterMs);
    process.stdout.write(
      `Node ${node} has joined ${aggregator}; its certificate is good until ${until} and renews itself\n`,
    );
  }
} catch (error) {
  reportFailure("telltale-agent", error);
  if (error instanceof OperationalError && error.code !== "USAGE") process.exitCode = 1;
}
