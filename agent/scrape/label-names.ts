/** What may be the name of a label: letters, digits and underscores of ASCII, no digit first. */
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

export function isLabelName(text: string): boolean {
  return LABEL_NAME.test(text);
}

/** Every character that a label's name cannot have becomes an underscore. */
export function labelNamePart(text: string): string {
  return text.replace(/[^a-zA-Z0-9_]/gu, "_");
}
