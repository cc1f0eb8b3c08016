import type { Figure } from "./overview-shape.ts";

/** Devices that carry what another one counts too. */
const DEVICES = 'device!~"lo|veth.*|br-.*|docker.*|cni.*|virbr.*|podman.*"';
/** Those that are full by nature, or memory. */
const FILE_SYSTEMS = 'fstype!~"tmpfs|ramfs|squashfs|iso9660|erofs|overlay"';
const OF_NODE = 'job="node"';

const bytes = (direction: string) =>
  `sum by (instance) (rate(node_network_${direction}_bytes_total{${OF_NODE},${DEVICES}}[1m]))`;
const size = (name: string) => `node_filesystem_${name}_bytes{${OF_NODE},${FILE_SYSTEMS}}`;
const memory = (name: string) => `node_memory_${name}_bytes{${OF_NODE}}`;

/** One value a node each; rates are of the last minute, so the points of an hour leave nothing out. */
export const FIGURE_QUERIES: Record<Figure, string> = {
  cpu: `1 - avg by (instance) (rate(node_cpu_seconds_total{${OF_NODE},mode="idle"}[1m]))`,
  memory: `1 - max by (instance) (${memory("MemAvailable")}) / max by (instance) (${memory("MemTotal")})`,
  disk: `max by (instance) (1 - ${size("avail")} / (${size("size")} > 0))`,
  network: `${bytes("receive")} + ${bytes("transmit")}`,
  load: `max by (instance) (node_load1{${OF_NODE}})`,
};
