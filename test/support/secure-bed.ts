import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { Bed, eventually, type Program, runProgram } from "./programs.ts";

type Run = { readonly code: number | null; readonly output: string; readonly errors: string };

/** An aggregator with TLS, also on loopback, and what its admin does. */
export class SecureBed implements AsyncDisposable {
  readonly bed: Bed;
  aggregator: Program;
  #ca = "";

  private constructor(bed: Bed, aggregator: Program) {
    this.bed = bed;
    this.aggregator = aggregator;
  }

  static async open(extra = (_bed: Bed): string[] => ["--tls=required"]): Promise<SecureBed> {
    const bed = await Bed.open();
    const secure = new SecureBed(bed, bed.start("aggregator", extra(bed)));
    await eventually(async () => {
      const { exitCode } = secure.aggregator.child;
      if (exitCode !== null) throw new Error(`aggregator ended:\n${secure.aggregator.errors}`);
      return (await secure.get("/-/ready", {}, false)).status === 200;
    });
    await secure.trust();
    return secure;
  }

  get caFile(): string {
    return this.bed.path("ca.pem");
  }

  /** What people do when the CA has changed. */
  async trust(): Promise<void> {
    this.#ca = (await this.admin("ca", "show")).output;
    writeFileSync(this.caFile, this.#ca);
  }

  /** A command of the aggregator's own user. */
  async admin(...args: string[]): Promise<Run> {
    const run = await runProgram("aggregator", [
      ...args,
      `--data-dir=${this.bed.path("aggregator")}`,
    ]);
    if (run.code !== 0) throw new Error(`${args.join(" ")}: ${run.errors}`);
    return run;
  }

  async token(...args: string[]): Promise<string> {
    return (await this.admin("token", "create", ...args)).output.trim();
  }

  /** The file that the new user's token is in. */
  async user(name: string, role: string): Promise<string> {
    const { output } = await this.admin("user", "add", name, `--role=${role}`);
    return this.bed.write(`${name}.token`, output);
  }

  async client(tokenFile: string, ...args: string[]): Promise<Run> {
    const access = [
      `--server=${this.bed.address}`,
      `--ca=${this.caFile}`,
      `--token-file=${tokenFile}`,
    ];
    return await runProgram("cli", [...args, ...access]);
  }

  async join(token: string, node = "n1", directory = "agent"): Promise<Run> {
    return await runProgram("agent", [
      "join",
      this.bed.address,
      token,
      `--node=${node}`,
      `--data-dir=${this.bed.path(directory)}`,
    ]);
  }

  /** An agent with nothing configured but what the join has told it. */
  startAgent(directory = "agent", extra: readonly string[] = []): Program {
    const args = [`--data-dir=${this.bed.path(directory)}`, "--listen=none", ...extra];
    return this.bed.start("agent", [`--aggregator=${this.bed.address}`, ...args]);
  }

  get(
    path: string,
    headers: Readonly<Record<string, string>> = {},
    isVerified = true,
  ): Promise<{ readonly status: number; readonly body: string }> {
    return new Promise((resolve, reject) => {
      const options = {
        host: "127.0.0.1",
        port: this.bed.httpPort,
        path,
        headers,
        ca: this.#ca,
        rejectUnauthorized: isVerified,
        agent: false,
      };
      const call = request(options, (response) => {
        let body = "";
        response.on("data", (chunk) => {
          body += chunk;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      });
      call.on("error", reject);
      call.end();
    });
  }

  /** The sum of an expression's values, asked with a user's token. */
  async value(tokenFile: string, expr: string): Promise<number> {
    const authorization = `Bearer ${readFileSync(tokenFile, "utf8").trim()}`;
    const url = `/api/v1/query?query=${encodeURIComponent(expr)}`;
    const { body } = await this.get(url, { authorization });
    const { result } = JSON.parse(body).data;
    return result.reduce((sum: number, one: { value: [number, string] }) => {
      return sum + Number(one.value[1]);
    }, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bed[Symbol.asyncDispose]();
  }
}
