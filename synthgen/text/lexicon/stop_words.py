"""Frequent words by language."""

from __future__ import annotations

__all__ = ["ALL_STOPS", "STOPS"]

STOPS = {
    code: frozenset(stops.split())
    for code, stops in {
        "en": "the a an of and to in is are was were be been it its that this these those for on with as by at from or not "
        "no can will if then than which who what when where how why do does did has have had you your we our they their "
        "i my he she his her them into about over under all any each more most other some such only own same so too very",
        "de": "der die das und ist in zu den dem des ein eine einer eines einem einen nicht mit auf für von im an als auch "
        "es sich wird werden sind war bei aus nach wie oder aber wenn kann nur noch man so dass durch über um zum zur "
        "ich sie er wir ihr was wer wo wann warum welche welcher welches",
        "fr": "le la les un une des et est en de du dans que qui pour pas sur avec ce cette ces il elle nous vous ils elles "
        "ne se au aux par plus ou où mais sont être comme son sa ses leur quel quelle quand comment pourquoi",
        "es": "el la los las un una unos unas y es en de del que por con para no se su sus al lo como más pero o este esta "
        "estos estas fue son ser qué quién cuándo dónde cómo cuál cuántos sobre entre hasta desde",
        "it": "il lo la i gli le un uno una e è di del della dei delle in che per non con si su come più ma o sono questo "
        "questa nel nella al alla da dal anche chi cosa quando dove perché quale",
        "pt": "o a os as um uma e é em de do da dos das que por com para não se no na nos nas ao como mais mas ou este esta "
        "foi são ser seu sua quem quando onde porque qual",
        "nl": "de het een en is in van op te dat die voor met niet aan er om als maar ook bij of zijn was door over wie wat "
        "waar wanneer hoe waarom welke naar uit worden wordt",
        "ru": "и в не на что с по как это из он она они мы вы за от к у о для до но так же был была были быть или его ее их "
        "при чем кто где когда почему какой какая какие после",
        "uk": "і в не на що з по як це із він вона вони ми ви за від до у про для але так був була були бути або його її їх",
    }.items()
}
ALL_STOPS = frozenset().union(*STOPS.values())
