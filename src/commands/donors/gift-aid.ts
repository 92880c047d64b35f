import { Command } from 'commander';
import type { Context } from '../context.ts';
import { giftAidDeclareCommand } from './gift-aid/declare.ts';
import { giftAidShowCommand } from './gift-aid/show.ts';
import { giftAidWithdrawCommand } from './gift-aid/withdraw.ts';

/** `donations donors gift-aid`: declarations of donors in the United Kingdom. */
export function donorsGiftAidCommand(context: Context): Command {
  return new Command('gift-aid')
    .description('Gift Aid declarations (United Kingdom)')
    .usage('<command> [options]')
    .helpCommand(false)
    .addCommand(giftAidDeclareCommand(context))
    .addCommand(giftAidWithdrawCommand(context))
    .addCommand(giftAidShowCommand(context));
}
