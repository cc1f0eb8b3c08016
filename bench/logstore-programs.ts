/** The programs and configurations that `logstore-corpus.ts` has write logs. */

/** An HTTP service on fastify with its own logger (pino): two JSON lines a request. */
export const NODE_PROGRAM = (fastify: string, port: number) => `
import { createWriteStream } from "node:fs";
const { default: fastify } = await import(${JSON.stringify(fastify)});
const app = fastify({ logger: { stream: createWriteStream("log") }, trustProxy: true });
let requests = 0;
app.get("/orders/:id", async (request) => {
  request.log.info({ order: Number(request.params.id), user: request.query.user }, "order read");
  return { id: request.params.id, total: ((request.params.id * 7919) % 1e5) / 100 };
});
app.get("/*", async (request, reply) => {
  requests += 1;
  if (requests % 50 === 0) throw new Error("upstream answered 503 for " + request.url);
  return reply.send({ ok: true });
});
await app.listen({ port: ${port}, host: "127.0.0.1" });
`;

/** An HTTP service on the JDK's server with java.util.logging; some requests fail with a trace. */
export const JAVA_PROGRAM = (port: number) => `
import com.sun.net.httpserver.*;
import java.net.InetSocketAddress;
import java.util.*;
import java.util.concurrent.*;
import java.util.logging.*;

public class Shop {
  static final Logger HTTP = Logger.getLogger("shop.http.RequestHandler");
  static final Logger STOCK = Logger.getLogger("shop.stock.Reservations");
  static final Random RANDOM = new Random();
  static void reserve(String user, int item) {
    int left = RANDOM.nextInt(500);
    if (left < 5) throw new IllegalStateException("item " + item + " is sold out");
    STOCK.log(Level.INFO, "Reserved item {0} for user {1}, {2} left in warehouse {3}",
      new Object[] { "SKU-" + item, user, left, "w" + RANDOM.nextInt(8) });
  }
  public static void main(String[] args) throws Exception {
    Logger root = Logger.getLogger("");
    for (Handler h : root.getHandlers()) root.removeHandler(h);
    FileHandler file = new FileHandler("log", true);
    file.setFormatter(new SimpleFormatter());
    root.addHandler(file);
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", ${port}), 0);
    server.setExecutor(Executors.newFixedThreadPool(8));
    server.createContext("/", exchange -> {
      long start = System.nanoTime();
      String user = "u" + Integer.toHexString(RANDOM.nextInt(40000));
      int status = 200;
      try { reserve(user, 1000 + RANDOM.nextInt(3000)); }
      catch (RuntimeException e) {
        status = 409;
        HTTP.log(Level.WARNING, "Request " + UUID.randomUUID() + " failed", e);
      }
      byte[] body = "ok".getBytes();
      exchange.sendResponseHeaders(status, body.length);
      exchange.getResponseBody().write(body);
      exchange.close();
      HTTP.log(Level.INFO, "[" + Thread.currentThread().getName() + "] "
        + exchange.getRequestMethod() + " " + exchange.getRequestURI() + " -> " + status + " in "
        + (System.nanoTime() - start) / 1000 + " us");
    });
    server.start();
  }
}
`;

/** Requests as of many people: paths with ids, queries, agents, referrers, addresses. */
export const WRK_SCRIPT = `
local agents = {}
for major = 100, 131 do
  agents[#agents + 1] = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/" .. major .. ".0.0.0 Safari/537.36"
  agents[#agents + 1] = "Mozilla/5.0 (X11; Linux x86_64; rv:" .. major .. ".0) Gecko/20100101 Firefox/" .. major .. ".0"
end
agents[#agents + 1] = "curl/8.5.0"
agents[#agents + 1] = "kube-probe/1.29"
local words = { "alpha", "harbor", "copper", "willow", "delta", "ember", "quartz", "maple", "onyx", "river" }
local made = 0
function setup(thread) made = made + 1; thread:set("seed", made) end
function init() math.randomseed(os.time() + seed * 7919) end
local function word() return words[math.random(#words)] .. math.random(40) end
function request()
  local kind, path = math.random(10), nil
  if kind <= 4 then path = "/orders/" .. math.random(9000000) .. "?user=" .. word()
  elseif kind <= 6 then path = "/static/" .. word() .. "/" .. word() .. ".js?v=" .. math.random(99)
  elseif kind <= 8 then path = "/api/v2/search?q=" .. word() .. "+" .. word() .. "&page=" .. math.random(30)
  elseif kind == 9 then path = string.format("/sessions/%08x%08x", math.random(0, 2147483647), math.random(0, 2147483647))
  else path = "/index.html" end
  local headers = { ["User-Agent"] = agents[math.random(#agents)] }
  headers["X-Forwarded-For"] = math.random(1, 223) .. "." .. math.random(0, 255) .. "." .. math.random(0, 40) .. "." .. math.random(1, 254)
  if math.random(3) == 1 then headers["Referer"] = "https://shop.example.com/" .. word() end
  return wrk.format("GET", path, headers)
end
`;

export const NGINX_CONFIG = (port: number) => `
daemon off; worker_processes 1; pid nginx.pid; error_log error.log info;
events { worker_connections 512; }
http {
  log_format main '$http_x_forwarded_for - $remote_user [$time_local] "$request" $status '
    '$body_bytes_sent "$http_referer" "$http_user_agent" $request_time';
  access_log log main;
  server {
    listen 127.0.0.1:${port}; root .;
    location /orders/ { return 200 "an order\\n"; }
    location /api/ { return 200 "$request_uri\\n"; }
  }
}
`;

export const POSTGRES_CONFIG = (port: number) => `
listen_addresses = '127.0.0.1'
port = ${port}
unix_socket_directories = ''
fsync = off
log_min_duration_statement = 0
log_connections = on
log_disconnections = on
log_checkpoints = on
log_line_prefix = '%m [%p] %q%u@%d '
`;

export const SSHD_CONFIG = (port: number, directory: string) => `
Port ${port}
ListenAddress 127.0.0.1
HostKey ${directory}/host
PidFile none
LogLevel DEBUG1
UsePAM no
`;
