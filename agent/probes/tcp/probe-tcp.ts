import type { Socket } from "node:net";
import { RE2JS } from "re2js";
import { OperationalError } from "../../../shared/errors.ts";
import type { QueryResponse, TcpModule } from "../config/probe-config.ts";
import { chooseAddress } from "../net/choose-address.ts";
import { hostAndPort, openSocket } from "../net/open-socket.ts";
import type { ProbeRun, Prober } from "../probe-run.ts";
import { figuresOf, setChain } from "../tls/chain-figures.ts";
import { openSecure } from "../tls/open-secure.ts";
import { expandTemplate } from "./expand-template.ts";
import { LineReader } from "./line-reader.ts";

const SHOWN_LENGTH_MAX = 200;

export const probeTcp: Prober<TcpModule> = async (address, module, run) => {
  const { page, signal } = run;
  page.set("probe_failed_due_to_regex", 0);
  const target = hostAndPort(address);
  if (target === null) throw new OperationalError("UNAVAILABLE", `Not HOST:PORT: ${address}`);
  const { host, port } = target;
  const { ip } = await chooseAddress(host, module.ip, run);
  const plain = await openSocket({ ip, port, sourceAddress: module.sourceAddress }, signal);
  const socket = module.usesTls ? await secure(plain, host, module, run) : plain;
  await converse(socket, host, module, run);
  socket.destroy();
};

async function secure(
  socket: Socket,
  host: string,
  { tls: settings }: TcpModule,
  run: ProbeRun,
): Promise<Socket> {
  const secured = await openSecure(socket, { settings, host, protocols: [] }, run);
  setChain(run.page, figuresOf(secured));
  return secured;
}

async function converse(
  first: Socket,
  host: string,
  module: TcpModule,
  run: ProbeRun,
): Promise<void> {
  if (module.queryResponse.length === 0) return;
  let socket = first;
  let lines = new LineReader(socket);
  for (const step of module.queryResponse) {
    const send = step.expect === "" ? step.send : await expected(step, lines, run);
    if (send !== "") await write(socket, `${send}\n`);
    if (!step.startTls) continue;
    lines.release();
    socket = await secure(socket, host, module, run);
    lines = new LineReader(socket);
  }
}

/** Waits for a line that matches. @returns what is to be sent, with what the line says */
async function expected(
  { expect, send }: QueryResponse,
  lines: LineReader,
  { page }: ProbeRun,
): Promise<string> {
  const expression = RE2JS.compile(expect);
  let last = "";
  for (;;) {
    const line = await lines.next();
    if (line === null) {
      page.set("probe_failed_due_to_regex", 1);
      const shown = JSON.stringify(last.slice(0, SHOWN_LENGTH_MAX));
      const message = `No line matched ${expect} before the connection was closed; the last was ${shown}`;
      throw new OperationalError("UNAVAILABLE", message);
    }
    // Far quicker than to look for the groups at once.
    if (expression.test(line)) {
      const matcher = expression.matcher(line);
      matcher.find();
      const names = expression.namedGroups();
      return expandTemplate(send, (which) => {
        const index = typeof which === "number" ? which : (names[which] ?? Number.NaN);
        return index <= matcher.groupCount() ? (matcher.group(index) ?? "") : "";
      });
    }
    last = line;
  }
}

function write(socket: Socket, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(text, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}
