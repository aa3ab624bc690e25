// Two prompts whose embeddings are mixed, as the page shows and changes them.

import type { Changes, Parameters } from "../api/protocol";

export interface SecondPrompt {
  text: string;
  weight: number; // 0..1; the first prompt has the rest
}

/** The prompt that is mixed into the first one; null: none. Of more than two the others are left out. */
export function secondPrompt({ prompts }: Pick<Parameters, "prompts">): SecondPrompt | null {
  const [first, second] = prompts ?? [];
  if (first === undefined || second === undefined) return null;
  const sum = first.weight + second.weight;
  return { text: second.text, weight: sum > 0 ? second.weight / sum : 0 };
}

/** The change to this prompt, with the second one mixed into it. */
export function promptChanges(prompt: string, second: SecondPrompt | null): Changes {
  if (second === null) return { prompt, prompts: null };
  return { prompt, prompts: [{ text: prompt, weight: 1 - second.weight }, second] };
}
