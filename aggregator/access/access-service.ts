import type { ServerUnaryCall } from "@grpc/grpc-js";
import { OperationalError } from "../../shared/errors.ts";
import { ROLES, type Role } from "../../shared/model/role.ts";
import type { Logger } from "../../shared/platform/ports.ts";
import type { AccessHandlers } from "../../shared/wire/generated/telltale/v1/Access.ts";
import type { IdentityHandlers } from "../../shared/wire/generated/telltale/v1/Identity.ts";
import type { ListAuthoritiesResponse } from "../../shared/wire/generated/telltale/v1/ListAuthoritiesResponse.ts";
import type { Role as RoleMessage } from "../../shared/wire/generated/telltale/v1/Role.ts";
import { answer as answerWith } from "../../shared/wire/grpc-answer.ts";
import type { Access } from "./access.ts";

/**
 * The gRPC services telltale.v1.Access and telltale.v1.Identity; that the caller may call, the server
 * has checked. `certificateOf`: the fingerprint of the caller's certificate.
 */
export function accessServices(
  access: Access,
  certificateOf: (peer: string) => string,
  logger: Logger,
): { readonly access: AccessHandlers; readonly identity: IdentityHandlers } {
  const answer = <In, Out>(
    work: (request: In, call: ServerUnaryCall<In, Out>) => Promise<Out> | Out,
  ) => answerWith(work, logger);
  return {
    identity: {
      Join: answer(({ tokenSecret, node, certificateRequest }) =>
        access.join(tokenSecret, node, certificateRequest),
      ),
      Renew: answer(({ certificateRequest }, call) =>
        access.renew(certificateOf(call.getPeer()), certificateRequest),
      ),
    },
    access: {
      CreateJoinToken: answer(async ({ node, ttlMs }) => {
        const { token, expiresMs } = await access.createJoinToken(node, ttlMs);
        return { token: token.reveal(), expiresMs };
      }),
      ListAgents: answer(() => ({ agents: access.agents() })),
      RevokeAgent: answer(async ({ node }) => ({ certificates: await access.revoke(node) })),
      AddUser: answer(async ({ name, role }) => {
        const token = await access.addUser(name, roleOf(role));
        return { token: token.reveal() };
      }),
      RemoveUser: answer(async ({ name }) => {
        await access.removeUser(name);
        return {};
      }),
      ListUsers: answer(() => ({
        users: access.users().map(({ name, role, createdMs }) => {
          return { name, role: roleMessage(role), createdMs };
        }),
      })),
      ListSessions: answer(() => ({ sessions: access.sessions.list() })),
      EndSession: answer(async ({ id }) => {
        await access.sessions.endOf(id);
        return {};
      }),
      RotateAuthority: answer(async () => {
        await access.rotate();
        return authoritiesMessage(access);
      }),
      ListAuthorities: answer(() => authoritiesMessage(access)),
    },
  };
}

function authoritiesMessage(access: Access): ListAuthoritiesResponse {
  const authorities = access.authorities().map(({ authority, agents }) => {
    const { fingerprint, certificatePem, createdMs, notAfterMs } = authority;
    return { fingerprint, certificate: certificatePem, createdMs, notAfterMs, agents };
  });
  return { authorities };
}

/** @throws OperationalError USAGE */
function roleOf(message: RoleMessage | number): Role {
  const role = ROLES.find((one) => roleMessage(one) === message);
  if (role !== undefined) return role;
  throw new OperationalError("USAGE", `A role is one of ${ROLES.join(", ")}`);
}

function roleMessage(role: Role): RoleMessage {
  return `ROLE_${role.toUpperCase()}` as RoleMessage;
}
