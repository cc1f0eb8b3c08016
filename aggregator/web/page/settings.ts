import { computed, effect, signal } from "@preact/signals";
import { kept } from "./browser.ts";
import { en, type Words } from "./words/en.ts";
import { zh } from "./words/zh.ts";

export const LANGUAGES = { en, zh } satisfies Record<string, Words>;
export type Language = keyof typeof LANGUAGES;
export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

/** What one person has chosen, on this device. */
export const language = signal<Language>(firstLanguage());
export const theme = signal<Theme>(themeOf(kept.read("theme")));

export const words = computed<Words>(() => LANGUAGES[language.value]);
/** Dates and numbers as the browser has them in this language. */
export const locale = computed(() => {
  const own = navigator.languages.find((one) => one.startsWith(language.value));
  return own ?? language.value;
});

/** Writes what is chosen into the document, and keeps it. */
export function applySettings(): void {
  effect(() => {
    document.documentElement.lang = language.value === "zh" ? "zh-CN" : "en";
    kept.write("language", language.value);
  });
  effect(() => {
    document.documentElement.dataset["theme"] = theme.value;
    kept.write("theme", theme.value);
  });
}

function firstLanguage(): Language {
  const chosen = kept.read("language") ?? navigator.language.slice(0, 2);
  return chosen in LANGUAGES ? (chosen as Language) : "en";
}

function themeOf(text: string | null): Theme {
  return THEMES.find((one) => one === text) ?? "system";
}
