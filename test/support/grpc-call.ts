import { type CallOptions, type Client, Metadata, type requestCallback } from "@grpc/grpc-js";

/** A generated method of a client, as its overload with the fewest parameters has it. */
export type Method<In, Out> = (request: In, callback: requestCallback<Out>) => unknown;
type MethodWithAll<In, Out> = (
  request: In,
  metadata: Metadata,
  options: CallOptions,
  callback: requestCallback<Out>,
) => unknown;

/** The answer to a call. @throws ServiceError */
export function call<In, Out>(
  client: Client,
  method: Method<In, Out>,
  request: In,
  { deadlineMs = 10_000, metadata = new Metadata() } = {},
): Promise<Out> {
  return new Promise((resolve, reject) => {
    const start = method as unknown as MethodWithAll<In, Out>;
    const options = { deadline: Date.now() + deadlineMs };
    start.call(client, request, metadata, options, (error, response) => {
      if (error === null && response !== undefined) resolve(response);
      else reject(error);
    });
  });
}
