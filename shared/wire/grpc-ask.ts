import {
  type CallOptions,
  type Client,
  type ClientUnaryCall,
  Metadata,
  type requestCallback,
} from "@grpc/grpc-js";

/** The shortest form of a generated method, from which its types are inferred. */
export type Method<In, Out> = (request: In, callback: requestCallback<Out>) => ClientUnaryCall;
type WholeMethod<In, Out> = (
  request: In,
  metadata: Metadata,
  options: CallOptions,
  callback: requestCallback<Out>,
) => ClientUnaryCall;

/** Calls a method that answers once. Rejects with the library's ServiceError. */
export function askOnce<In, Out>(
  client: Client,
  method: Method<In, Out>,
  request: In,
  options: { readonly deadline: number; readonly metadata?: Metadata },
): Promise<Out> {
  const { metadata = new Metadata(), deadline } = options;
  return new Promise((resolve, reject) => {
    const whole = method as unknown as WholeMethod<In, Out>;
    whole.call(client, request, metadata, { deadline }, (error, response) => {
      if (error !== null) reject(error);
      else if (response !== undefined) resolve(response);
    });
  });
}
