//! Whatever the names are: one SMS, with level and place in it.

use proptest::prelude::*;

use super::*;
use crate::model::LocalName;
use crate::notify::texts::tests::{facts, texts};

/// Letters of GSM 03.38's basic alphabet that are in ASCII: each is one septet.
fn is_one_septet(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || " !\"#$%&'()*+,-./:;<=>?@_".contains(letter)
}

#[test]
fn an_ordinary_alert_fits_with_everything_that_matters() {
    let member = Member { kind: Kind::Raised, facts: facts() };
    let found = text(&texts(), Language::Vi, std::slice::from_ref(&member));
    let expected = "CANH BAO M3/5 da cam: Khoi trong rung; Sin Ho 7, Tieu khu 412, Sin Ho; 312,5 ug/m3 (nguong 150 ug/m3); \
                    tu 10:15 21/11; 4,2 km dong bac Sin Ho; 22.3600,103.2500";
    assert_eq!(found, expected);
    assert!(found.len() <= LETTERS_MAX);
}

#[test]
fn a_digest_says_how_many_it_does_not_name() {
    let members: Vec<Member> = (0..10_000).map(|_| Member { kind: Kind::Raised, facts: facts() }).collect();
    let found = text(&texts(), Language::Vi, &members);
    assert!(found.starts_with("10000 thong bao, nang nhat M3/5 da cam: Khoi trong rung, Tieu khu 412"), "{found}");
    assert!(found.ends_with("; +9996") || found.ends_with("; +9997"), "{found}");
}

#[test]
fn accents_go_and_letters_stay() {
    let check = |text: &str, expected: &str| assert_eq!(without_accents(text), expected);
    check("Đường Nguyễn Thị Định – xã Bản Bo", "Duong Nguyen Thi Dinh - xa Ban Bo");
    check("ẮẰẲẴẶ ấầẩẫậ ƠơƯư ỹỷỵ", "AAAAA aaaaa OoUu yyy");
    check("35 °C [x] {y} ~ ^ € 水\n\r\tb", "35 C (x) (y) - ' ? ? b");
}

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,200}",
        "[a-zA-ZàáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵĐÂƯƠ \n\r{}\\[\\]~^|€]{0,300}",
    ]
}

proptest! {
    #[test]
    fn any_names_make_one_sms_with_level_and_place(title in words(), station in words(), place in words(), count in 1usize..40) {
        let name = |text: &str| LocalName { vi: text.to_owned(), en: text.to_owned() };
        let mut facts = facts();
        (facts.title, facts.station_name) = (name(&title), Some(name(&station)));
        facts.places = vec![name(&place)];
        for language in [Language::Vi, Language::En] {
            let member = Member { kind: Kind::Worse, facts: facts.clone() };
            let members: Vec<Member> = (0..count).map(|_| member.clone()).collect();
            let found = text(&texts(), language, &members);
            prop_assert!(found.chars().count() <= LETTERS_MAX, "{} {found}", found.len());
            prop_assert!(found.chars().all(is_one_septet), "{found}");
            prop_assert!(found.contains("M3/5 da cam") || found.contains("L3/5 orange"), "{found}");
            if count == 1 {
                let place = without_accents(&place);
                let begins: String = place.chars().take(NAME_LEAST - 2).collect();
                prop_assert!(found.contains(begins.trim_end()), "{begins:?} is not in {found:?}");
                prop_assert!(found.contains(&place) || found.contains(".."), "{found}: what is cut shows");
            }
        }
    }
}
