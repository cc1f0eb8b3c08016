/** The state of a container as the runtime says it. */
export function StateText({ state }: { state: string }) {
  return <bdi class={state === "running" ? "" : "level-high"}>{state === "" ? "–" : state}</bdi>;
}
