import { useEffect } from "preact/hooks";
import { OverviewView } from "./overview/overview-view.tsx";
import { firingCount, link } from "./overview-store.ts";
import { view } from "./route.ts";
import { words } from "./settings.ts";
import { Header } from "./shell/header.tsx";
import { KeyHelp } from "./shell/key-help.tsx";
import { LateView } from "./shell/late-view.tsx";
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
  const name = nameOf(state);
  return `${count}${name === "" ? "" : `${name} · `}Telltale`;
}

function nameOf(state: View): string {
  if ("name" in state) return state.name;
  switch (state.kind) {
    case "alerts":
      return words.value.alerts;
    case "containers":
      return words.value.containers;
    case "services":
      return words.value.services;
    case "system":
      return words.value.systemTitle;
    case "logs":
      return words.value.logs;
    case "explore":
      return words.value.explore;
    default:
      return "";
  }
}

function Shown({ state }: { state: View }) {
  switch (state.kind) {
    case "overview":
      return <OverviewView />;
    case "alerts":
      return <LateView key="alerts" load={loadAlerts} props={{}} />;
    case "system":
      return <LateView key="system" load={loadSystem} props={{}} />;
    case "logs":
      return <LateView key="logs" load={loadLogs} props={{}} />;
    case "explore":
      return <LateView key="explore" load={loadExplore} props={{}} />;
    case "node":
      return <LateView key={`node ${state.name}`} load={loadNode} props={{ name: state.name }} />;
    case "containers":
      return <LateView key="containers" load={loadContainers} props={{}} />;
    case "container": {
      const { node, name } = state;
      return <LateView key={`${node} ${name}`} load={loadContainer} props={{ node, name }} />;
    }
    case "services":
      return <LateView key="services" load={loadServices} props={{}} />;
    case "service":
      return (
        <LateView key={`service ${state.name}`} load={loadService} props={{ name: state.name }} />
      );
    case "compare":
      return (
        <LateView key={`of ${state.name}`} load={loadCompare} props={{ metric: state.name }} />
      );
    default:
      return <a href={addressOf("/")}>{words.value.backToOverview}</a>;
  }
}

const loadAlerts = async () => (await import("./alerts/alerts-view.tsx")).AlertsView;
const loadSystem = async () => (await import("./system/system-view.tsx")).SystemView;
/** Charts are loaded with the first node that is looked at. */
const loadNode = async () => (await import("./node/node-view.tsx")).NodeView;
const loadContainers = async () =>
  (await import("./containers/containers-view.tsx")).ContainersView;
const loadContainer = async () => (await import("./containers/container-view.tsx")).ContainerView;
const loadServices = async () => (await import("./services/services-view.tsx")).ServicesView;
const loadService = async () => (await import("./services/service-view.tsx")).ServiceView;
const loadCompare = async () => (await import("./compare/compare-view.tsx")).CompareView;
const loadLogs = async () => (await import("./logs/logs-view.tsx")).LogsView;
const loadExplore = async () => (await import("./explore/explore-view.tsx")).ExploreView;
