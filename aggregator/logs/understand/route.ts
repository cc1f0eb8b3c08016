import { isDigit } from "./characters.ts";

const SEGMENTS_MAX = 8;
const SEGMENT_MAX = 40;
/** A path of more than this is no page's. */
const PATH_MAX = 2048;

const STATIC_FILE =
  /\.(?:js|mjs|css|map|png|jpe?g|gif|svg|webp|avif|ico|woff2?|ttf|eot|otf|mp[34]|webm|pdf|zip|gz|wasm)$/i;
const HEX = /^[0-9a-f-]{8,}$/i;
const ID_MARKS = /[%@:=+,~!$&'()*\s]/;

/**
 * The route of a request: its path with `:id` for each segment that names one thing of many (numbers,
 * UUIDs, hex, long tokens, what is percent-encoded) and `:file.js` for a static file; without the query,
 * path parameters and the last slash. "" where there is no path.
 */
export function routeOf(target: string): string {
  const path = pathOf(target);
  if (path === "" || path.length > PATH_MAX) return "";
  const segments = path.split("/").map(withoutParameters).filter(Boolean);
  const shown = segments
    .slice(0, SEGMENTS_MAX)
    .map((segment, at) => routeSegment(segment, at === segments.length - 1));
  return `/${shown.join("/")}${segments.length > SEGMENTS_MAX ? "/*" : ""}`;
}

/** Without host, query and fragment; "" for `*` and what is no path. */
function pathOf(target: string): string {
  let start = 0;
  if (!target.startsWith("/")) {
    const scheme = /^https?:\/\//i.exec(target);
    if (scheme === null) return "";
    start = target.indexOf("/", scheme[0].length);
    if (start < 0) return "/";
  }
  let end = target.length;
  for (const mark of ["?", "#"]) {
    const at = target.indexOf(mark, start);
    if (at >= 0 && at < end) end = at;
  }
  return target.slice(start, end);
}

/** Without `;jsessionid=…`. */
function withoutParameters(segment: string): string {
  const semicolon = segment.indexOf(";");
  return semicolon < 0 ? segment : segment.slice(0, semicolon);
}

function routeSegment(segment: string, isLast: boolean): string {
  if (isLast) {
    const file = STATIC_FILE.exec(segment);
    if (file !== null) return `:file${file[0].toLowerCase()}`;
  }
  return isId(segment) ? ":id" : segment;
}

function isId(segment: string): boolean {
  if (segment.length > SEGMENT_MAX || ID_MARKS.test(segment)) return true;
  let digits = 0;
  let longest = 0;
  let run = 0;
  for (let at = 0; at < segment.length; at += 1) {
    const code = segment.charCodeAt(at);
    if (code < 32 || code >= 127) return true;
    run = isDigit(code) ? run + 1 : 0;
    if (run > 0) digits += 1;
    if (run > longest) longest = run;
  }
  if (digits === 0) return false;
  if (longest >= 4 || digits * 2 >= segment.length) return !isVersion(segment);
  return (HEX.test(segment) && digits >= 2) || (segment.length >= 20 && digits >= 3);
}

/** `v1`, `v12`: a part of the route. */
function isVersion(segment: string): boolean {
  return /^v\d{1,2}$/.test(segment);
}
