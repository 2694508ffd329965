// Whether the door is open although somebody is in already: to come in as somebody else.
class Signing {
  isOpen = $state(false);
}

export const signing = new Signing();
