export function withPlainNames(text: string): string;
