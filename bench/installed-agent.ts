/**
 * The agent's command line as its service has it, with the built program in the installed one's
 * place: `env`, the service's variables, node and what ExecStart gives it.
 *
 * @param unit text of the systemd unit
 * @param built node's path, and the folder that is /usr/lib/telltale/dist once installed
 * @throws Error when ExecStart starts something else than the agent
 */
export function installedAgent(
  unit: string,
  built: { readonly node: string; readonly dist: string },
): string[] {
  const environment = valuesOf(unit, "Environment").flatMap(wordsOf);
  const execStart = valuesOf(unit, "ExecStart").at(-1) ?? "";
  let isAgent = false;
  const command = wordsOf(execStart).flatMap((word) => {
    if (/\/node$/.test(word)) return [built.node];
    const [, path] = /\/telltale\/dist\/(agent\/.*)$/.exec(word) ?? [];
    const isLink = word.endsWith("/telltale-agent");
    if (path === undefined && !isLink) return [word];
    isAgent = true;
    if (path !== undefined) return [`${built.dist}/${path}`];
    return [built.node, `${built.dist}/agent/main.js`];
  });
  if (!isAgent) throw new Error(`ExecStart does not start the agent: ${execStart}`);
  return ["env", ...environment, ...command];
}

/** A command line that a POSIX shell splits into the words again. */
export function quoted(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
}

/** Values of a setting, in order; an empty one takes back those before it. */
function valuesOf(unit: string, setting: string): string[] {
  let values: string[] = [];
  for (const line of unit.replaceAll("\\\n", " ").split("\n")) {
    if (!line.startsWith(`${setting}=`)) continue;
    const value = line.slice(setting.length + 1).trim();
    values = value === "" ? [] : [...values, value];
  }
  return values;
}

/** Words as systemd splits them: by spaces, except between quotes. */
function wordsOf(text: string): string[] {
  const words = text.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? [];
  return words.map((word) => word.replaceAll(/"([^"]*)"|'([^']*)'/g, "$1$2"));
}
