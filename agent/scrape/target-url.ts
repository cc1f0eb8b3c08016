import { type Labels, labelPairs, labelValue } from "../../shared/model/labels.ts";

const PARAM = "__param_";

type UrlParts = {
  readonly scheme: string;
  readonly address: string;
  readonly labels: Labels;
  readonly params: Readonly<Record<string, readonly string[]>>;
};

/** The URL, written as Go writes it: Prometheus shows the same, and a server sees the same. */
export function targetUrl({ scheme, address, labels, params }: UrlParts): string {
  const values = new Map(Object.entries(params).map(([name, list]) => [name, [...list]]));
  for (const [label, value] of labelPairs(labels)) {
    if (!label.startsWith(PARAM)) continue;
    const name = label.slice(PARAM.length);
    values.set(name, [value, ...(values.get(name) ?? []).slice(1)]);
  }
  const names = [...values.keys()].sort();
  const query = names.flatMap((name) =>
    (values.get(name) ?? []).map((value) => `${queryPart(name)}=${queryPart(value)}`),
  );
  const path = labelValue(labels, "__metrics_path__");
  const slash = path === "" || path.startsWith("/") ? "" : "/";
  const search = query.length === 0 ? "" : `?${query.join("&")}`;
  return `${scheme}://${address}${slash}${pathPart(path)}${search}`;
}

/** All but letters, digits and `-_.~`; a space is `+`. */
function queryPart(text: string): string {
  return escaped(text).replaceAll("%20", "+");
}

/** A path is not escaped yet: a `%` in it is one, and so is a `?`. */
function pathPart(text: string): string {
  return escaped(text).replace(/%(?:24|26|2B|2C|2F|3A|3B|3D|40)/g, decodeURIComponent);
}

function escaped(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  });
}
