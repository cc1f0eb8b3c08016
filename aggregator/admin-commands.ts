import { existsSync } from "node:fs";
import { credentials, logVerbosity, setLogVerbosity } from "@grpc/grpc-js";
import { type Command, Option } from "commander";
import { OperationalError } from "../shared/errors.ts";
import { parseDuration } from "../shared/model/duration.ts";
import { formatRfc3339 } from "../shared/model/rfc3339.ts";
import { ROLES } from "../shared/model/role.ts";
import type { AccessClient } from "../shared/wire/generated/telltale/v1/Access.ts";
import type { ListAuthoritiesResponse__Output } from "../shared/wire/generated/telltale/v1/ListAuthoritiesResponse.ts";
import type { Role as RoleMessage } from "../shared/wire/generated/telltale/v1/Role.ts";
import { askOnce, type Method } from "../shared/wire/grpc-ask.ts";
import { fromGrpcError } from "../shared/wire/grpc-status.ts";
import { loadTelltale } from "../shared/wire/proto.ts";

const DEADLINE_MS = 30_000;

type Ask = <In, Out>(
  methodOf: (client: AccessClient) => Method<In, Out>,
  request: In,
) => Promise<Out>;

export type AdminContext = {
  readonly program: Command;
  /** The admin's socket of the aggregator that the configuration and the flags name. */
  socketPath(): string;
  nowMs(): number;
  print(text: string): void;
  /** Runs the work and reports what is expected to go wrong. */
  guarded(work: () => Promise<void>): Promise<void>;
};

/** What an admin does at the aggregator that runs on this machine, by its Unix socket. */
export function addAdminCommands(context: AdminContext): void {
  addTokenCommand(context);
  addUserCommands(context);
  addAuthorityCommands(context);
}

function addTokenCommand(context: AdminContext): void {
  const token = context.program.command("token").description("tokens for agents to join with");
  token
    .command("create")
    .description("print a token with which one agent can join, once")
    .option("--node <name>", "the node it is for (default: any that has not joined yet)", "")
    .option("--ttl <duration>", "how long it is good (default: 1h)", "0")
    .action((options: { readonly node: string; readonly ttl: string }) =>
      run(context, async (ask) => {
        const ttlMs = options.ttl === "0" ? 0 : parseDuration(options.ttl);
        const request = { node: options.node, ttlMs };
        const answer = await ask((client) => client.createJoinToken, request);
        context.print(`${answer.token}\n`);
      }),
    );
}

function addUserCommands(context: AdminContext): void {
  const user = context.program.command("user").description("people and programs that may ask");
  user
    .command("add <name>")
    .description("print the token of a new user; it cannot be shown again")
    .addOption(new Option("--role <role>", "what the user may do").choices(ROLES).default("viewer"))
    .action((name: string, { role }: { readonly role: string }) =>
      run(context, async (ask) => {
        const request = { name, role: `ROLE_${role.toUpperCase()}` as RoleMessage };
        context.print(`${(await ask((client) => client.addUser, request)).token}\n`);
      }),
    );
  user
    .command("remove <name>")
    .description("the user's token is worth nothing from now on")
    .action((name: string) =>
      run(context, async (ask) => {
        await ask((client) => client.removeUser, { name });
      }),
    );
  addRows(context, user.command("list").description("users and their roles"), async (ask) => {
    const { users } = await ask((client) => client.listUsers, {});
    return users.map(({ name, role }) => ({ name, role: role.replace("ROLE_", "").toLowerCase() }));
  });
  addSessionCommands(context, user);
}

function addSessionCommands(context: AdminContext, user: Command): void {
  const sessions = user.command("sessions").description("who is signed in on the page");
  addRows(context, sessions, async (ask) => {
    const found = await ask((client) => client.listSessions, {});
    return found.sessions.map(({ id, user: name, createdMs, expiresMs }) => {
      return { id, user: name, since: formatRfc3339(createdMs), until: formatRfc3339(expiresMs) };
    });
  });
  user
    .command("end <id>")
    .description("end a session; its user can sign in again")
    .action((id: string) =>
      run(context, async (ask) => {
        await ask((client) => client.endSession, { id });
      }),
    );
}

function addAuthorityCommands(context: AdminContext): void {
  const ca = context.program.command("ca").description("the aggregator's certificate authority");
  ca.command("show")
    .description("print the CA certificates in force, for telltale --ca and other clients")
    .action(() =>
      run(context, async (ask) => {
        const { authorities } = await ask((client) => client.listAuthorities, {});
        context.print(authorities.map(({ certificate }) => `${certificate}\n`).join(""));
      }),
    );
  const list = ca.command("list").description("the CAs in force, and how many nodes use each");
  addRows(context, list, async (ask) => {
    return authorityRows(await ask((client) => client.listAuthorities, {}));
  });
  const rotate = ca.command("rotate");
  rotate.description("make a new CA; the old one goes when no node needs it");
  addRows(context, rotate, async (ask) => {
    return authorityRows(await ask((client) => client.rotateAuthority, {}));
  });
}

function authorityRows({ authorities }: ListAuthoritiesResponse__Output): readonly Row[] {
  return authorities.map(({ fingerprint, createdMs, notAfterMs, agents }) => {
    return { fingerprint, createdMs, notAfterMs, agents };
  });
}

type Row = Readonly<Record<string, string | number>>;

/** The command prints what `rowsOf` returns. */
function addRows(
  context: AdminContext,
  command: Command,
  rowsOf: (ask: Ask) => Promise<readonly Row[]>,
): void {
  const forms = new Option("-o, --output <form>", "table for people, json for programs");
  command.addOption(forms.choices(["table", "json"]).default("table"));
  command.action(({ output }: { readonly output: string }) =>
    run(context, async (ask) => {
      const rows = await rowsOf(ask);
      if (output === "json") context.print(`${JSON.stringify(rows, null, 2)}\n`);
      else for (const row of rows) context.print(`${Object.values(row).join("  ")}\n`);
    }),
  );
}

function run(context: AdminContext, work: (ask: Ask) => Promise<void>): Promise<void> {
  return context.guarded(async () => {
    setLogVerbosity(logVerbosity.NONE); // what goes wrong comes back as an error
    const path = context.socketPath();
    if (!existsSync(path)) {
      throw new OperationalError(
        "UNAVAILABLE",
        `${path} is not there: it is made by an aggregator that runs with this data directory and with TLS, which it has where it listens beyond this machine (or with "tls: required")`,
      );
    }
    const { Access } = loadTelltale().v1;
    const client = new Access(`unix:${path}`, credentials.createInsecure());
    const ask: Ask = (methodOf, request) =>
      askOnce(client, methodOf(client), request, {
        deadline: context.nowMs() + DEADLINE_MS,
      }).catch((error) => {
        throw fromGrpcError(error, path);
      });
    try {
      await work(ask);
    } finally {
      client.close();
    }
  });
}
