import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { AlertsView } from "./alerts/alerts-view.tsx";
import { OverviewView } from "./overview/overview-view.tsx";
import { firingCount, link } from "./overview-store.ts";
import { view } from "./route.ts";
import { words } from "./settings.ts";
import { Header } from "./shell/header.tsx";
import { KeyHelp } from "./shell/key-help.tsx";
import { SignIn } from "./shell/sign-in.tsx";
import { addressOf, type View } from "./view.ts";

export function App() {
  useEffect(() => {
    document.title = titleOf(view.value, firingCount.value);
  });
  const state = view.value;
  return (
    <>
      <Header />
      <main id="content" data-scroller tabIndex={-1} class={`view-${state.kind}`}>
        {link.value === "denied" ? <SignIn /> : <Shown state={state} />}
      </main>
      <KeyHelp />
    </>
  );
}

function titleOf(state: View, firing: number): string {
  const count = firing === 0 ? "" : `(${firing}) `;
  return `${count}${state.kind === "node" ? `${state.name} · ` : ""}Telltale`;
}

function Shown({ state }: { state: View }) {
  switch (state.kind) {
    case "overview":
      return <OverviewView />;
    case "alerts":
      return <AlertsView />;
    case "node":
      return <LateNodeView name={state.name} />;
    case "unknown":
      return <a href={addressOf("/")}>{words.value.backToOverview}</a>;
  }
}

/** Charts are loaded with the first node that is looked at. */
function LateNodeView({ name }: { name: string }) {
  const component = useSignal<ComponentType<{ name: string }> | null>(null);
  useEffect(() => {
    void import("./node/node-view.tsx").then(({ NodeView }) => {
      component.value = NodeView;
    });
  }, []);
  const NodeView = component.value;
  if (NodeView === null) return <p class="placeholder">{words.value.loading}</p>;
  return <NodeView key={name} name={name} />;
}
