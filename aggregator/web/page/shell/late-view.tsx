import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { words } from "../settings.ts";

type LateProps<P> = {
  /** Such as `() => import("./system-view.tsx").then(({ SystemView }) => SystemView)`. */
  readonly load: () => Promise<ComponentType<P>>;
  readonly props: P;
};

/** A view that is loaded when somebody first looks at it. Give it a `key` of its own. */
export function LateView<P extends object>({ load, props }: LateProps<P>) {
  const loaded = useSignal<{ readonly View: ComponentType<P> } | null>(null);
  const isLost = useSignal(false);
  useEffect(() => {
    load().then(
      (View) => {
        loaded.value = { View };
      },
      () => {
        isLost.value = true;
      },
    );
  }, []);
  if (isLost.value) return <Lost />;
  if (loaded.value === null) return <p class="placeholder">{words.value.loading}</p>;
  const { View } = loaded.value;
  return <View {...props} />;
}

/** The aggregator is away, or has become another version with files of other names. */
function Lost() {
  return (
    <p class="placeholder" role="alert">
      {words.value.viewLost}{" "}
      <button type="button" onClick={() => location.reload()}>
        {words.value.reload}
      </button>
    </p>
  );
}
