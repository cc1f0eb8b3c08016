import { existsSync } from "node:fs";
import { type CollectContext, hostPath } from "../context.ts";

/**
 * A file of /proc/net as the host sees it. /proc/net is of the reader's network name space; an agent
 * in a container wants that of the host's first process.
 */
export function netPath(context: CollectContext, file: string): string {
  const ofInit = `/proc/1/net/${file}`;
  const isElsewhere = context.hostRoot !== "/";
  return isElsewhere && existsSync(hostPath(context, ofInit)) ? ofInit : `/proc/net/${file}`;
}
