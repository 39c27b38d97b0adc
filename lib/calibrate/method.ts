import { usageError } from "../format/error.ts";
import { OBSERVERS } from "./observers/mod.ts";
import type { Observer, ObserverOption, ObserverOptions } from "./observer.ts";

/** An observer with all its options given: what one entry of `ranges` in the calibration artefact was made by. */
export interface CalibrationMethod {
  /** The observer's name, then the value of each of its options: `min-max`, `percentile-99.99`. */
  readonly name: string;
  readonly observer: Observer;
  readonly options: ObserverOptions;
}

/** The methods whose ranges every calibration holds, and between which `--method auto` chooses. */
export function standardMethods(): CalibrationMethod[] {
  return OBSERVERS.flatMap((observer) => observer.settings.map((options) => methodWith(observer, options)));
}

/**
 * The method that `text` names: `percentile-99.95` with the options in the name, or `percentile` with those of `flags`
 * and defaults for the rest.
 * @throws DyadError (usage) for an unknown method and for an option outside its limits.
 */
export function methodNamed(text: string, flags: ObserverOptions = {}): CalibrationMethod {
  for (const observer of OBSERVERS) {
    if (text === observer.name) {
      const given = observer.options.map((option) => [option.name, flags[option.name] ?? option.default]);
      return methodWith(observer, Object.fromEntries(given));
    }
    const values = text.startsWith(observer.name + "-") ? text.slice(observer.name.length + 1).split("-") : [];
    if (values.length > 0 && values.length === observer.options.length) {
      return methodWith(
        observer,
        Object.fromEntries(observer.options.map((option, i) => [option.name, optionValue(option, values[i])])),
      );
    }
  }
  throw usageError(
    `found the calibration method "${text}", expected one of ${OBSERVERS.map(({ name }) => name).join(", ")}` +
      OBSERVERS.filter(({ options }) => options.length > 0)
        .map(({ name, options }) => `, or with its ${options[0].name} "${name}-${options[0].default}"`).join(""),
  );
}

/**
 * The value of an option as a command line gives it.
 * @throws DyadError (usage) for text that is not a number within the limits of the option.
 */
export function optionValue({ name, low, high }: ObserverOption, text: string): number {
  const value = text.trim() === "" ? NaN : Number(text);
  if (!(value >= low && value <= high)) {
    throw usageError(`found ${name} "${text}", expected a number from ${low} to ${high}`);
  }
  return value;
}

function methodWith(observer: Observer, options: ObserverOptions): CalibrationMethod {
  const values = observer.options.map((option) => optionValue(option, String(options[option.name])));
  return { name: [observer.name, ...values].join("-"), observer, options };
}
