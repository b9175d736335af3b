/**
 * One row per requirement: where the contract says it, the sentence in our words, and `optional`
 * when it binds only a daemon that has the feature at all.
 */
export type RequirementRow = readonly [source: string, sentence: string, optional?: "optional"];
export type RequirementRows = Readonly<Record<string, RequirementRow>>;
