from core.data.layouts.tree import File, Tree
from core.data.layouts.visa import recognise


def test_a_split_that_names_other_objects_divides_nothing():
    names = ["pcb1/Data/Images/Normal/1.JPG", "pcb1/Data/Images/Anomaly/1.JPG", "split_csv/1cls.csv"]
    table = b"object,split,label,image,mask\ncandle,train,normal,candle/Data/Images/Normal/1.JPG,\n"
    files = tuple(File(tuple(name.split("/")), len(table), lambda: table) for name in names)
    understood = recognise(Tree("x", files))
    assert not understood.halved and "a share of each class is held out" in understood.sentence


def test_pictures_that_the_split_leaves_out_are_counted():
    names = [*(f"pcb1/Data/Images/Normal/{at}.JPG" for at in range(3)), "split_csv/1cls.csv"]
    table = b"object,split,label,image,mask\n" + b"".join(
        f"pcb1,{half},normal,pcb1/Data/Images/Normal/{at}.JPG,\n".encode() for at, half in enumerate(("train", "test"))
    )
    understood = recognise(Tree("x", tuple(File(tuple(name.split("/")), 9, lambda: table) for name in names)))
    assert understood.halved and understood.left_out == {"pictures without a half": 1}


def test_other_folders_are_another_layout():
    assert recognise(Tree("x", (File(("a", "b", "1.png"), 1, lambda: b""),))) is None
