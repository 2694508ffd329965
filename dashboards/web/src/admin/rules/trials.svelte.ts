// The text, armed, that was last tried on the past: it stays tried when the rule is saved.
class Trials {
  text = $state<string | null>(null);
}

export const trials = new Trials();
