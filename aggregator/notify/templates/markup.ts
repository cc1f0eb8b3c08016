/** Values in texts that chat services format. */

/** Nothing to see; it parts characters that mean something only side by side. */
const APART = "\u200b";

/**
 * For Markdown of any kind: a value never becomes a link, an image, an element, a mention, a line of
 * its own or emphasis. What some services cannot escape by a backslash is parted instead.
 */
export function markdownText(text: string): string {
  return text
    .replace(/[\t\n\v\f\r\u0085\u2028\u2029]+/g, " ")
    .replace(/[\\*`~|]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, "\\$&")
    .replace(/!(?=\[)|\](?=[([:]|$)|<|&(?=[#\w])/g, `$&${APART}`)
    .replace(/(?<![\p{L}\p{N}_])[@#](?=[\p{L}\p{N}_])/gu, `$&${APART}`)
    .replace(/^\s*(?=(?:#{1,6}|[>+-]|\d+[.)])(?:\s|$)|>|-{3}|={3})/, APART);
}

/** For Slack's mrkdwn, whose three control characters are written as in HTML. */
export function mrkdwnText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
