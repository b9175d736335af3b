/** Escapes text for XML and HTML, attributes too; characters that XML cannot hold become `?`. */
export function escaped(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: wanted -- these are the ones XML refuses
  const printable = text.replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "?");
  return printable
    .toWellFormed()
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

/**
 * Text of a daemon for a terminal: control characters, which could move the cursor, hide lines or
 * set the window's title, become what JSON writes for them.
 */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: wanted -- these are the ones a terminal obeys
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, (character) => {
    const known = JSON.stringify(character).slice(1, -1);
    const code = character.charCodeAt(0).toString(16).padStart(4, "0");
    return known === character ? `\\u${code}` : known;
  });
}
