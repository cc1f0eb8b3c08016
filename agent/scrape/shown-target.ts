/** Targets for people: without what may be secret. */

import { type Labels, labelPairs, labelsFrom } from "../../shared/model/labels.ts";
import type { DroppedTarget } from "../../shared/model/target.ts";
import type { BegunTarget } from "../model/target-book.ts";
import type { Target } from "./targets.ts";

/** Parameters that exporters are known to have, and that say what a target is. */
const SHOWN: ReadonlySet<string> = new Set([
  "collect[]",
  "exclude[]",
  "format",
  "match[]",
  "module",
  "name[]",
  "target",
]);
const MASK = "***";
const PARAM = "__param_";
const ADDRESS = "__address__";
/** Of labels: where http_sd_configs found the target. */
const META_URL = "__meta_url";

export function shownTarget(target: Target, isProbe: boolean): BegunTarget {
  const { job, url, labels, discovered, intervalMs, timeoutMs } = target;
  return {
    isProbe,
    job,
    // What is probed may be a host.
    url: isProbe && !URL.canParse(url) ? withoutUser(url) : shownUrl(url),
    labels,
    discovered: shownLabels(discovered),
    intervalMs,
    timeoutMs,
  };
}

export function shownDropped({ discovered, reason }: DroppedTarget): Omit<DroppedTarget, "job"> {
  return { discovered: shownLabels(discovered), reason };
}

/** Without user and password, and without the values of parameters that nobody knows to be harmless. */
export function shownUrl(text: string): string {
  if (!URL.canParse(text)) return MASK;
  const queryStart = text.indexOf("?");
  const url = queryStart < 0 ? text : text.slice(0, queryStart);
  const open = withoutUser(url);
  if (queryStart < 0) return open;
  const parts = [...new URLSearchParams(text.slice(queryStart + 1))];
  const shown = parts.map(([name, value]) => `${name}=${shownValue(name, value)}`);
  return `${open}?${shown.join("&")}`;
}

/** Whoever writes a target's labels wrote them to be seen; these are made of the URL. */
function shownLabels(labels: Labels): Labels {
  const pairs = labelPairs(labels);
  const mayHide = ([name, value]: readonly [string, string]) =>
    name.startsWith(PARAM) || name === META_URL || (name === ADDRESS && value.includes("@"));
  if (!pairs.some(mayHide)) return labels;
  return labelsFrom(
    pairs.map(([name, value]) => {
      if (name.startsWith(PARAM)) return [name, shownValue(name.slice(PARAM.length), value)];
      if (name === META_URL) return [name, shownUrl(value)];
      return [name, name === ADDRESS ? withoutUser(value) : value];
    }),
  );
}

/** What is probed may be a URL itself. */
function shownValue(name: string, value: string): string {
  if (!SHOWN.has(name)) return MASK;
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? shownUrl(value) : withoutUser(value);
}

function withoutUser(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?[^/?#]*@/i, "$1");
}
