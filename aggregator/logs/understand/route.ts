import { isDigit } from "./characters.ts";

const SEGMENTS_MAX = 8;
const SEGMENT_MAX = 40;
/** A path of more than this is no page's. */
const PATH_MAX = 2048;

const STATIC_FILE =
  /^\.(?:js|mjs|css|map|png|jpe?g|gif|svg|webp|avif|ico|woff2?|ttf|eot|otf|mp[34]|webm|pdf|zip|gz|wasm)$/i;
const HEX = /^[0-9a-f-]{8,}$/i;
/** By character code: those that no name of a page has. Blanks and control characters are such. */
const IS_MARK = Uint8Array.from({ length: 127 }, (_, code) => (code <= 32 ? 1 : 0));
for (const mark of "%@:=+,~!$&'()*") IS_MARK[mark.charCodeAt(0)] = 1;

/**
 * The route of a request: its path with `:id` for each segment that names one thing of many (numbers,
 * UUIDs, hex, long tokens, what is percent-encoded) and `:file.js` for a static file; without the query,
 * path parameters and the last slash. "" where there is no path.
 */
export function routeOf(target: string): string {
  const whole = pathOf(target);
  if (whole === "" || whole.length > PATH_MAX) return "";
  const path = tidy(whole);
  if (path === "") return "/";
  let route = "";
  let kept = 0; // up to here the path is in the route
  let count = 0;
  for (let at = 1; at <= path.length; count += 1) {
    if (count === SEGMENTS_MAX) return `${route}${path.slice(kept, at)}*`;
    const slash = path.indexOf("/", at);
    const end = slash < 0 ? path.length : slash;
    const shown = shownFor(path, at, end);
    if (shown !== "") {
      route += path.slice(kept, at) + shown;
      kept = end;
    }
    at = end + 1;
  }
  return kept === 0 ? path : route + path.slice(kept);
}

/** `/a/b`: without empty segments, parameters and the last slash. */
function tidy(path: string): string {
  if (!path.includes(";") && !path.includes("//")) {
    return path.endsWith("/") ? path.slice(0, -1) : path;
  }
  const segments = path.split("/").map(withoutParameters).filter(Boolean);
  return segments.map((segment) => `/${segment}`).join("");
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

/** What a route has instead of the segment; "" when it has the segment itself. */
function shownFor(path: string, start: number, end: number): string {
  if (end === path.length) {
    const dot = path.lastIndexOf(".");
    const file = dot > start ? STATIC_FILE.exec(path.slice(dot)) : null;
    if (file !== null) return `:file${file[0].toLowerCase()}`;
  }
  return isId(path, start, end) ? ":id" : "";
}

function isId(path: string, start: number, end: number): boolean {
  const length = end - start;
  if (length > SEGMENT_MAX) return true;
  let digits = 0;
  let longest = 0;
  let run = 0;
  for (let at = start; at < end; at += 1) {
    const code = path.charCodeAt(at);
    if (code >= 127 || IS_MARK[code] === 1) return true;
    run = isDigit(code) ? run + 1 : 0;
    if (run > 0) digits += 1;
    if (run > longest) longest = run;
  }
  if (digits === 0) return false;
  if (longest >= 4 || digits * 2 >= length) return !isVersion(path.slice(start, end));
  if (length >= 20 && digits >= 3) return true;
  return length >= 8 && digits >= 2 && HEX.test(path.slice(start, end));
}

/** `v1`, `v12`: a part of the route. */
function isVersion(segment: string): boolean {
  return /^v\d{1,2}$/.test(segment);
}
