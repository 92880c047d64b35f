import { Command, Option } from 'commander';
import { DECLARED_HOW, type Declaration } from '../../../lib/donors/declaration.ts';
import { print, say } from '../../../lib/output/io.ts';
import {
  chosenFormat,
  fieldsOf,
  type OutputOptions,
  renderOne,
} from '../../../lib/output/render.ts';
import { parseDay } from '../../../lib/parse.ts';
import type { Context } from '../../context.ts';
import { CompletedArgument, recent } from '../../shared/completed.ts';
import { examples } from '../../shared/examples.ts';
import { withOutput } from '../../shared/output-options.ts';

interface Options extends OutputOptions {
  how: Declaration['how'];
  on?: string;
  from?: string;
  to?: string;
  name?: string;
  address?: string[];
  postcode?: string;
  record?: string;
  confirmed?: string;
  reason?: string;
}

const FIELDS = fieldsOf('declaration', 'donor', 'covers_from', 'covers_to');

/** `donations donors gift-aid declare <donor>`: records a declaration. */
export function giftAidDeclareCommand(context: Context): Command {
  const command = new Command('declare')
    .description('record a Gift Aid declaration that a donor made')
    .addArgument(
      new CompletedArgument(
        '<donor>',
        'a part of the name, an e-mail address, an id, or a donation’s id',
        recent('donor', 'donation'),
      ),
    )
    .addOption(
      new Option('--how <how>', 'how the donor made it')
        .choices(DECLARED_HOW)
        .makeOptionMandatory(),
    )
    .option('--on <day>', 'when the donor made it; today if not given')
    .option('--from <day>', 'the first day of gifts that it covers; at most four years before it')
    .option('--to <day>', 'the last day; all later gifts if not given')
    .option('--name <name>', 'the full name as declared, if not as on record')
    .option('--address <line>', 'a line of the home address as declared; repeat it', collect)
    .option('--postcode <postcode>', 'of the home address')
    .option('--record <text>', 'where the form, the web log or the recording is kept')
    .option('--confirmed <day>', 'of an oral one: when it was confirmed to the donor in writing')
    .option('--reason <text>', 'why, for the audit trail');
  return examples(withOutput(command, FIELDS), [
    [
      'donations donors gift-aid declare ada@example.org --how online --from 2025-04-06',
      'with gifts since then',
    ],
    [
      'donations donors gift-aid declare lovelace --how oral --record "call 4711" --address "1 High Street" --address Leeds --postcode "LS1 1AA"',
      'by telephone',
    ],
  ]).action(async (ref: string, options: Options) => {
    const [{ findDonor }, { declareGiftAid }] = await Promise.all([
      import('../../../lib/donors/find-donor.ts'),
      import('../../../lib/donors/gift-aid.ts'),
    ]);
    const day = (text: string | undefined) => (text === undefined ? undefined : parseDay(text));
    const { how, on, from, to, postcode, confirmed, name, address, record, reason } = options;
    const request = {
      how,
      madeOn: day(on),
      coversFrom: day(from),
      coversTo: day(to),
      confirmedOn: day(confirmed),
      postalCode: postcode,
      ...{ name, address, record, reason },
    };
    const db = await context.db();
    const donorId = await findDonor(db, ref, 'donations donors gift-aid show');
    const declared = await declareGiftAid(db, {
      ...(await context.operator()),
      ...request,
      donorId,
    });
    if (chosenFormat(options).format !== 'table')
      return renderOne(context.io, options, FIELDS, {
        declaration: declared.id,
        donor: { id: donorId, name: null, email: null },
        covers_from: declared.coversFrom,
        covers_to: declared.coversTo,
      });
    print(
      context.io,
      `Declaration ${declared.id} covers gifts from ${declared.coversFrom} ${declared.coversTo === null ? 'on' : `to ${declared.coversTo}`}.`,
    );
    say(context.io, `Next: donations donors gift-aid show ${donorId}`);
  });
}

const collect = (line: string, before: string[] = []): string[] => [...before, line];
