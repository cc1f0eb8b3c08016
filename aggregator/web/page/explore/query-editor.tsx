import { useEffect, useRef } from "preact/hooks";
import { words } from "../settings.ts";
import { type Editor, openEditor } from "./editor.ts";
import type { QueryLanguage } from "./explore-address.ts";

type EditorProps = {
  language: QueryLanguage;
  query: string;
  /** Where the aggregator says that something is wrong. */
  problemPlace: number | null;
  onChange: (query: string) => void;
  onRun: () => void;
};

/** The field for a query. */
export function QueryEditor({ language, query, problemPlace, onChange, onRun }: EditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<Editor | null>(null);
  const calls = useRef({ onChange, onRun });
  calls.current = { onChange, onRun };
  const label = words.value.query;
  useEffect(() => {
    const { current: place } = host;
    if (place === null) return undefined;
    const opened = openEditor(place, {
      ...{ language, query, label },
      onChange: (text) => calls.current.onChange(text),
      onRun: () => calls.current.onRun(),
    });
    editor.current = opened;
    return () => opened.close();
  }, [language, label]);
  useEffect(() => editor.current?.setQuery(query), [query]);
  useEffect(() => editor.current?.markProblem(problemPlace), [problemPlace]);
  return <div ref={host} class="query-editor" />;
}
