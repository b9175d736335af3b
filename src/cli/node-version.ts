/** The Node that the program needs. Loaded before anything that an older one could not even parse. */
export const NODE_MAJOR_MIN = 24;

/** What to tell whoever starts us on `version`, such as `20.1.0`; undefined when it is new enough. */
export function refusalOfNode(version: string): string | undefined {
  if (Number.parseInt(version, 10) >= NODE_MAJOR_MIN) return undefined;
  return (
    `keelson: Node ${version} is too old\n` +
    `  Install Node ${NODE_MAJOR_MIN} or later; in a checkout, npm run brings its own.\n`
  );
}
