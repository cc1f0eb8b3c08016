/**
 * Node's http. From Node 22 on an `import` of it runs getters that load a client for fetch and
 * WebSocket too, 1 MiB of memory.
 */
export function loadHttp(): typeof import("node:http") {
  return process.getBuiltinModule("node:http");
}

/** Node's https, which only those load who ask another server by TLS. */
export function loadHttps(): typeof import("node:https") {
  return process.getBuiltinModule("node:https");
}
