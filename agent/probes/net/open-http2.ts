import { type ClientHttp2Session, connect } from "node:http2";
import type { Socket } from "node:net";
import { destroyOnAbort } from "./open-socket.ts";

/**
 * A session of HTTP/2 on a connection, once it may be used.
 * @throws what the session fails with; the signal's reason
 */
export async function openHttp2(
  origin: string,
  socket: Socket,
  headerBytesMax: number,
  signal: AbortSignal,
): Promise<ClientHttp2Session> {
  const session = connect(origin, {
    createConnection: () => socket,
    settings: { enablePush: false, maxHeaderListSize: headerBytesMax },
  });
  destroyOnAbort(session, signal);
  await new Promise<void>((resolve, reject) => {
    session.once("connect", () => resolve());
    session.on("error", reject); // stays: one that fails later is told of by whoever waits
    session.once("close", () => reject(new Error("The connection was closed")));
  });
  return session;
}
