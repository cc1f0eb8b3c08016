import { useEffect, useRef } from "preact/hooks";
import { words } from "../settings.ts";
import { helpOpen } from "./keys.ts";

/** The keys, in a dialog. */
export function KeyHelp() {
  const dialog = useRef<HTMLDialogElement>(null);
  const isOpen = helpOpen.value;
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  const w = words.value;
  const keys: [string, string][] = [
    ["/", w.keyFilter],
    ["j  k", w.keyRows],
    ["Enter", w.keyOpen],
    ["g o", w.keyOverview],
    ["g n", w.keyNodes],
    ["g a", w.keyAlerts],
    ["g c", w.keyContainers],
    ["g s", w.keyServices],
    ["g y", w.keySystem],
    ["g l", w.keyLogs],
    ["g e", w.keyExplore],
    ["[  ]", w.keyTime],
    ["←  →", w.keyCursor],
    ["p", w.keyPause],
    ["?", w.keyHelp],
  ];
  const close = () => {
    helpOpen.value = false;
  };
  return (
    <dialog ref={dialog} aria-labelledby="keys-title" onClose={close}>
      <h2 id="keys-title">{w.keysTitle}</h2>
      <dl class="keys">
        {keys.map(([key, text]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <button type="button" onClick={close}>
        {w.close}
      </button>
    </dialog>
  );
}
