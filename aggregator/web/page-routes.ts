import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { PAGE_PATHS } from "../model/page-paths.ts";
import { DOCUMENT, type PageFile, type PageFiles } from "./page-files.ts";

/** Nothing but our own files runs, is loaded or is spoken to, and nobody frames the page. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const FRONT_TEXT = `Telltale aggregator

/                        the page, in a browser
/api/v1/query?query=up   PromQL, in the form of Prometheus' HTTP API; also query_range, series,
                         labels, label/NAME/values, rules, alerts, targets
/api/v1/services         what each service does, as telltale services shows it
/loki/api/v1/query_range LogQL, in the form of Loki's HTTP API; also query, labels, series,
                         label/NAME/values, tail, push
/api/v2/alerts           alerts, in the form of Alertmanager's HTTP API; also alerts/groups,
                         silences, receivers, status
/api/telltale/v1/overview  nodes and alerts as the page has them; also overview/changes, nodes,
                         notifications, containers
/metrics                 how this aggregator itself does
/-/healthy  /-/ready
/-/reload                POST: reads rules and routing again

On a terminal: telltale status
`;

/** The page's files. Without any, or for who takes no HTML, a text stands at `/`. */
export function addPageRoutes(server: FastifyInstance, files: PageFiles, prefix: string): void {
  const text =
    prefix === "" ? FRONT_TEXT : FRONT_TEXT.replace(/^(?=\/)|(?<= {2})(?=\/-)/gm, prefix);
  const document = files.get(DOCUMENT);
  for (const path of PAGE_PATHS) {
    server.get(path, async (request, reply) => {
      reply.header("vary", "Accept, Accept-Encoding");
      if (document === undefined || !takesHtml(request)) {
        return reply.type("text/plain; charset=utf-8").send(text);
      }
      reply
        .header("content-security-policy", POLICY)
        .header("referrer-policy", "no-referrer")
        .header("cross-origin-opener-policy", "same-origin")
        .header("cache-control", "no-cache");
      return sendFile(request, reply, document);
    });
  }
  server.get("/assets/:name", async (request, reply) => {
    const { name } = request.params as { readonly name: string };
    const file = name === DOCUMENT ? undefined : files.get(name);
    if (file === undefined) return reply.callNotFound();
    reply.header("vary", "Accept-Encoding");
    reply.header("cache-control", "public, max-age=31536000, immutable");
    return sendFile(request, reply, file);
  });
}

/** curl takes anything; a browser names what it wants. */
function takesHtml({ headers }: FastifyRequest): boolean {
  return /\btext\/html\b/i.test(headers.accept ?? "");
}

function sendFile({ headers }: FastifyRequest, reply: FastifyReply, file: PageFile) {
  reply.header("etag", file.etag);
  if (isListed(headers["if-none-match"], file.etag)) return reply.code(304).send();
  const { body, encoding } = encoded(file, String(headers["accept-encoding"] ?? ""));
  if (encoding !== null) reply.header("content-encoding", encoding);
  return reply.type(file.type).send(body);
}

function isListed(header: string | undefined, etag: string): boolean {
  return (header ?? "").split(",").some((one) => one.trim().replace(/^W\//, "") === etag);
}

/** The shortest form that the client takes. */
export function encoded(
  { plain, gzip, brotli }: Pick<PageFile, "plain" | "gzip" | "brotli">,
  accepted: string,
): { readonly body: Buffer; readonly encoding: "br" | "gzip" | null } {
  if (brotli !== null && takes(accepted, "br")) return { body: brotli, encoding: "br" };
  if (gzip !== null && takes(accepted, "gzip")) return { body: gzip, encoding: "gzip" };
  return { body: plain, encoding: null };
}

function takes(accepted: string, encoding: string): boolean {
  return accepted.split(",").some((part) => {
    const [name = "", ...parameters] = part.split(";").map((one) => one.trim().toLowerCase());
    return name === encoding && !parameters.some((one) => /^q=0(\.0*)?$/.test(one));
  });
}
