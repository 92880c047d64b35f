/** Which rules a receipt follows. */
export type FormName =
  | 'united-states'
  | 'canada'
  | 'united-kingdom'
  | 'plain'
  | 'refund'
  | 'annual';

/** What a form makes of a gift: the words that are kept with the receipt. */
export interface Wording {
  form: FormName;
  /** What the receipt is called. */
  title: string;
  /** What was given, where that is no money whose amount the receipt states. */
  property: string | null;
  /** In minor units; at most the amount. */
  deductibleMinor: bigint;
  /** What else stands in its table. */
  details: { label: string; value: string }[];
  /** Sentences below the table. */
  statements: string[];
}
