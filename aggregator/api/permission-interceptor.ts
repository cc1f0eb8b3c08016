import {
  type Metadata,
  ResponderBuilder,
  ServerInterceptingCall,
  type ServerInterceptor,
  ServerListenerBuilder,
} from "@grpc/grpc-js";
import type { Counter } from "../../shared/telemetry/metrics.ts";
import { grpcStatus } from "../../shared/wire/grpc-status.ts";
import { type Caller, refusalOf } from "./permission-state.ts";

export type PermissionHooks = {
  /** `authorization`: the header of the call. */
  callerOf(peer: string, authorization: string | undefined): Caller;
  /** A call of somebody who proved who it is was let through. */
  proved?(peer: string): void;
  /** A call was taken back by its client before it was answered. */
  reset?(peer: string): void;
};

/** Refuses, before a message of the call is read, what the caller may not call. */
export function permissionInterceptor(
  hooks: PermissionHooks,
  refusals: Counter,
): ServerInterceptor {
  return (method, call) => {
    const peer = call.getPeer(); // a call that has ended does not know it any more
    let isAnswered = false;
    const onMetadata = (metadata: Metadata, next: (metadata: Metadata) => void) => {
      const caller = hooks.callerOf(peer, authorizationOf(metadata));
      const refusal = refusalOf(caller, method.path);
      if (refusal === null) {
        if (caller.kind !== "nobody") hooks.proved?.(peer);
        next(metadata);
        return;
      }
      isAnswered = true;
      refusals.add(1, { reason: refusal.reason });
      call.sendStatus({ code: grpcStatus(refusal.code), details: refusal.text });
    };
    const listener = new ServerListenerBuilder()
      .withOnReceiveMetadata(onMetadata)
      .withOnCancel(() => {
        if (!isAnswered) hooks.reset?.(peer);
      })
      .build();
    const responder = new ResponderBuilder()
      .withStart((next) => next(listener))
      .withSendStatus((status, next) => {
        isAnswered = true;
        next(status);
      })
      .build();
    return new ServerInterceptingCall(call, responder);
  };
}

function authorizationOf(metadata: Metadata): string | undefined {
  const [value] = metadata.get("authorization");
  return value === undefined ? undefined : String(value);
}
