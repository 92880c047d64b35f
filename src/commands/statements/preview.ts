import { Command } from 'commander';
import type { Context } from '../context.ts';
import { CompletedArgument, recent } from '../shared/completed.ts';
import { examples } from '../shared/examples.ts';
import { type PreviewOptions, showPreview, withPreview } from '../shared/show-preview.ts';
import { readYear } from './shared/scope.ts';

/** `donations statements preview`: how a statement looks, without issuing it. */
export function statementsPreviewCommand(context: Context): Command {
  const command = new Command('preview')
    .description("a donor's statement as it was sent, or as it would be; sends nothing")
    .addArgument(
      new CompletedArgument(
        '<donor>',
        'a part of the name, an e-mail address, or an id',
        recent('donor'),
      ),
    )
    .requiredOption('--year <year>', 'the year of the gifts');
  return examples(withPreview(command), [
    ['donations statements preview ada@example.org --year 2026', 'as text'],
    ['donations statements preview lovelace --year 2026 --pdf ada.pdf', 'the document'],
  ]).action(async (ref: string, options: PreviewOptions & { year: string }) => {
    const year = readYear(options.year);
    const [{ findDonor }, { previewStatement }] = await Promise.all([
      import('../../lib/donors/find-donor.ts'),
      import('../../lib/receipts/preview.ts'),
    ]);
    await showPreview(context, options, () =>
      context.read(async (tx) =>
        previewStatement(
          tx,
          year,
          await findDonor(tx, ref, `donations statements preview --year ${year}`),
        ),
      ),
    );
  });
}
